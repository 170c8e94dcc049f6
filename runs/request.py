"""A request for a run: untrusted data in, a checked request or a message naming the field out.

Invoker and agent both check with this module: both refuse the same data for the same reason.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from runs.budget import MAX_COST_USD, MAX_SECONDS, MAX_TOKENS, Budget
from runs.errors import InvalidRequestError
from runs.ids import MAX_SESSION_ID, SESSION_ID, session_id_for
from runs.json_types import Json
from runs.run import DEFAULT_DEADLINE, DEFAULT_MAX_ATTEMPTS, Run, Status

DEFAULT_WORKFLOW = "cost-analysis"
#: Characters. Larger material belongs in a file that `input` names.
MAX_PROMPT = 100_000
MAX_INPUT = 2_048
MAX_IDEMPOTENCY_KEY = 1_024
MAX_DEADLINE_SECONDS = MAX_SECONDS
MAX_ATTEMPTS = 100
#: A hundredth of a cent: less is no limit but a run that can't begin.
MIN_COST_USD = 0.0001

#: C0 and C1 controls, DEL, and lone surrogates (which no UTF-8 store takes).
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
#: The same, without the white space that text may hold.
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A checked request."""

    session_id: str
    workflow: str
    prompt: str
    input: str | None
    deadline_seconds: float
    max_attempts: int
    source: str
    budget: Budget = field(default_factory=Budget)

    @classmethod
    def from_json(
        cls,
        data: Json,
        *,
        source: str,
        workflows: Collection[str],
        session_id: str | None = None,
        min_session_id: int = 1,
    ) -> "RunRequest":
        """Check untrusted data.

        The session id is the request's `session_id`, else derived from its `idempotency_key`, else
        the one given here (the event's, the message's or the runtime session's). Fields this module
        does not know are left alone: events carry what their senders need.

        Args:
            data: What came in.
            source: Who sent it, as `Run.source` has it.
            workflows: The names a request may ask for.
            session_id: The id to use when the request names none.
            min_session_id: The shortest id taken: AgentCore's minimum where AgentCore is called.

        Raises:
            InvalidRequestError: It is not a request; the error names the field.
        """
        if not isinstance(data, Mapping):
            raise InvalidRequestError(
                field="payload", message=f"is {kind_of(data)}, expected an object"
            )
        chosen = _chosen_session_id(data, session_id)
        if chosen is None:
            raise InvalidRequestError(field="session_id", message="is missing, expected a string")
        return cls(
            session_id=check_session_id(chosen, minimum=min_session_id),
            workflow=_workflow(data, workflows),
            prompt=_prompt(data),
            input=_text(data, "input", longest=MAX_INPUT),
            deadline_seconds=_number(data, "deadline_seconds", most=MAX_DEADLINE_SECONDS)
            or DEFAULT_DEADLINE.total_seconds(),
            max_attempts=_whole(data, "max_attempts", most=MAX_ATTEMPTS) or DEFAULT_MAX_ATTEMPTS,
            source=source,
            budget=budget_of(data),
        )

    def to_run(self, now: datetime) -> Run:
        """Give the run this request asks for, as it is accepted now."""
        return Run(
            session_id=self.session_id,
            workflow=self.workflow,
            prompt=self.prompt,
            input=self.input,
            source=self.source,
            status=Status.QUEUED,
            max_attempts=self.max_attempts,
            budget=self.budget,
            wake_at=now,
            deadline_at=now + timedelta(seconds=self.deadline_seconds),
            created_at=now,
            updated_at=now,
        )


def check_session_id(value: Json, *, minimum: int = 1) -> str:
    """Check a session id from outside.

    Raises:
        InvalidRequestError: It is not a string of the right length and alphabet.
    """
    if not isinstance(value, str):
        raise InvalidRequestError(
            field="session_id", message=f"is {kind_of(value)}, expected a string"
        )
    if not minimum <= len(value) <= MAX_SESSION_ID:
        wanted = f"expected {minimum} to {MAX_SESSION_ID} (a UUID has 36)"
        raise InvalidRequestError(
            field="session_id", message=f"has {len(value)} characters, {wanted}"
        )
    if not SESSION_ID.fullmatch(value):
        wanted = "expected letters, digits, '-' and '_', a letter or digit first"
        raise InvalidRequestError(field="session_id", message=f"is {value!r}, {wanted}")
    return value


def _chosen_session_id(data: Mapping[str, Json], otherwise: str | None) -> Json:
    if data.get("session_id") is not None:
        return data["session_id"]
    key = _text(data, "idempotency_key", longest=MAX_IDEMPOTENCY_KEY)
    return otherwise if key is None else session_id_for(key)


def _workflow(data: Mapping[str, Json], workflows: Collection[str]) -> str:
    name = _text(data, "workflow", longest=100) or DEFAULT_WORKFLOW
    if name not in workflows:
        known = ", ".join(sorted(workflows))
        raise InvalidRequestError(
            field="workflow", message=f"is {name!r}, expected one of: {known}"
        )
    return name


def _prompt(data: Mapping[str, Json]) -> str:
    prompt = data.get("prompt")
    if prompt is None:
        raise InvalidRequestError(field="prompt", message="is missing, expected a string")
    if not isinstance(prompt, str):
        raise InvalidRequestError(
            field="prompt", message=f"is {kind_of(prompt)}, expected a string"
        )
    if len(prompt) > MAX_PROMPT:
        wanted = (
            f"expected at most {MAX_PROMPT:,}; put larger material in a file and name it in input"
        )
        raise InvalidRequestError(
            field="prompt", message=f"has {len(prompt):,} characters, {wanted}"
        )
    if not prompt.strip():
        raise InvalidRequestError(field="prompt", message="is empty, expected a text")
    check_text(prompt, "prompt")
    return prompt


def _text(data: Mapping[str, Json], field: str, *, longest: int) -> str | None:
    value = data.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidRequestError(field=field, message=f"is {kind_of(value)}, expected a string")
    if not value or len(value) > longest:
        raise InvalidRequestError(
            field=field, message=f"has {len(value):,} characters, expected 1 to {longest:,}"
        )
    _refuse_control(value, field, _CONTROL)
    return value


def check_text(text: str, field: str) -> None:
    """Refuse a text from outside that holds control characters other than white space.

    Raises:
        InvalidRequestError: It does.
    """
    _refuse_control(text, field, _CONTROL_IN_TEXT)


def _refuse_control(text: str, field: str, pattern: re.Pattern[str]) -> None:
    if found := pattern.search(text):
        code = f"U+{ord(found.group()):04X}"
        raise InvalidRequestError(
            field=field, message=f"has the control character {code} at position {found.start()}"
        )


def budget_of(data: Mapping[str, Json]) -> Budget:
    """Read the limits among untrusted data.

    Raises:
        InvalidRequestError: One is not a number, or out of range.
    """
    cost = _number(data, "max_cost_usd", least=MIN_COST_USD, most=MAX_COST_USD)
    return Budget(
        max_tokens=_whole(data, "max_tokens", most=MAX_TOKENS),
        # By its text: what was written as 0.1 is a tenth of a dollar, not the float next to it.
        max_cost_usd=None if cost is None else Decimal(str(cost)),
        max_seconds=_number(data, "max_seconds", most=MAX_SECONDS),
    )


def _number(data: Mapping[str, Json], field: str, *, least: float = 1, most: int) -> float | None:
    value = data.get(field)
    if value is None:
        return None
    # JSON's true is Python's 1: without this a typing slip would become a one-second deadline.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRequestError(field=field, message=f"is {kind_of(value)}, expected a number")
    if not least <= value <= most:
        raise InvalidRequestError(field=field, message=f"is {value}, expected {least} to {most:,}")
    return value


def _whole(data: Mapping[str, Json], field: str, *, most: int) -> int | None:
    value = _number(data, field, most=most)
    if value is not None and value != int(value):
        raise InvalidRequestError(field=field, message=f"is {value}, expected a whole number")
    return None if value is None else int(value)


def kind_of(value: Json) -> str:
    """Name a JSON value's type in JSON's words."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case Mapping():
            return "an object"
        case _:
            return "an array"
