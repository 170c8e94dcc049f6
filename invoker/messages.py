"""Messages of the task queue: untrusted text in, a task or an answer out, or why it is neither.

{"type": "new", "body": {"task": "…"}}
{"type": "existing", "session_id": "…", "toolName": "…",
 "body": [{"toolResult": {"toolUseId": "…", "status": "success", "content": [{"text": "…"}]}}]}
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from runs.errors import InvalidRequestError
from runs.ids import MIN_SESSION_ID
from runs.json_types import Json
from runs.request import RunRequest, check_session_id, kind_of

#: What a message asks for that names no workflow.
DEFAULT_WORKFLOW = "marketing-post"
#: Seconds. People answer days later, and the run must be there to hear them.
DEADLINE_SECONDS = 8 * 24 * 3600

_TYPES = "'new' or 'existing'"
#: What a message may say of its run besides the task: what any request may.
_OPTIONS = (
    "workflow",
    "idempotency_key",
    "input",
    "deadline_seconds",
    "max_attempts",
    "max_tokens",
    "max_cost_usd",
    "max_seconds",
)
_STATUSES = ("success", "error")
_MAX_ID = 256
_MAX_RESULTS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A run that is asked for."""

    session_id: str
    #: The request, as an event's detail has it.
    detail: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswer:
    """What a tool that waits gets as its result."""

    tool_use_id: str
    is_success: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingTask:
    """Answers to calls of a run that waits for them."""

    session_id: str
    tool: str
    answers: tuple[ToolAnswer, ...]


def read_message(
    text: str, *, message_id: str, workflows: Collection[str]
) -> NewTask | ExistingTask:
    """Check a message.

    The same message, and the same idempotency key, name the same run however often they come.

    Args:
        text: The message's body.
        message_id: The queue's, which the run has as its own if the message has no key.
        workflows: The names a message may ask for.

    Raises:
        InvalidRequestError: It is no message of ours; the error names the field.
    """
    try:
        data: Json = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(field="message", message=f"is no JSON: {error}") from error
    message = _object(data, "message")
    match message.get("type"):
        case "new":
            return _new(message, message_id=message_id, workflows=workflows)
        case "existing":
            return _existing(message)
        case None:
            raise InvalidRequestError(field="type", message=f"is missing, expected {_TYPES}")
        case other:
            found = repr(other[:50]) if isinstance(other, str) else kind_of(other)
            raise InvalidRequestError(field="type", message=f"is {found}, expected {_TYPES}")


def _new(message: Mapping[str, Json], *, message_id: str, workflows: Collection[str]) -> NewTask:
    body = _object(message.get("body"), "body")
    given: dict[str, Json] = {"workflow": DEFAULT_WORKFLOW, "deadline_seconds": DEADLINE_SECONDS}
    # Beside the body or in it: senders know both from other queues.
    for place in (body, message):
        given |= {name: place[name] for name in _OPTIONS if place.get(name) is not None}
    try:
        request = RunRequest.from_json(
            {**given, "prompt": body.get("task")},
            source="queue",
            workflows=workflows,
            session_id=message_id,
            min_session_id=MIN_SESSION_ID,
        )
    except InvalidRequestError as error:
        if error.field != "prompt":
            raise
        why = str(error).removeprefix("prompt: ")
        raise InvalidRequestError(field="body.task", message=why) from error
    return NewTask(session_id=request.session_id, detail={**given, "prompt": request.prompt})


def _existing(message: Mapping[str, Json]) -> ExistingTask:
    blocks = message.get("body")
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= _MAX_RESULTS:
        found = f"an array of {len(blocks)}" if isinstance(blocks, list) else kind_of(blocks)
        wanted = f"expected an array of 1 to {_MAX_RESULTS} objects with a toolResult"
        raise InvalidRequestError(field="body", message=f"is {found}, {wanted}")
    return ExistingTask(
        session_id=check_session_id(message.get("session_id"), minimum=MIN_SESSION_ID),
        tool=_name(message, "toolName", "toolName"),
        answers=tuple(_answer(block, f"body[{place}]") for place, block in enumerate(blocks)),
    )


def _answer(block: Json, where: str) -> ToolAnswer:
    where = f"{where}.toolResult"
    result = _object(_object(block, where).get("toolResult"), where)
    status = result.get("status")
    if status not in _STATUSES:
        found = repr(status[:50]) if isinstance(status, str) else kind_of(status)
        wanted = "expected 'success' or 'error'"
        raise InvalidRequestError(field=f"{where}.status", message=f"is {found}, {wanted}")
    return ToolAnswer(
        tool_use_id=_name(result, "toolUseId", f"{where}.toolUseId"),
        is_success=status == "success",
        text=_text(result.get("content"), f"{where}.content"),
    )


def _text(content: Json, where: str) -> str:
    if not isinstance(content, list):
        message = f"is {kind_of(content)}, expected an array of objects with a text"
        raise InvalidRequestError(field=where, message=message)
    texts = []
    for place, each in enumerate(content):
        part = _object(each, f"{where}[{place}]")
        text = part.get("text")
        if text is None and "json" in part:
            text = json.dumps(part["json"], ensure_ascii=False)
        if not isinstance(text, str):
            message = f"is {kind_of(text)}, expected a string"
            raise InvalidRequestError(field=f"{where}[{place}].text", message=message)
        texts.append(text)
    joined = "\n".join(texts)
    if not _is_text(joined):
        message = "has half of a surrogate pair, expected text"
        raise InvalidRequestError(field=where, message=message)
    return joined


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _name(data: Mapping[str, Json], name: str, where: str) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        raise InvalidRequestError(field=where, message=f"is {kind_of(value)}, expected a string")
    if not 1 <= len(value) <= _MAX_ID:
        message = f"has {len(value):,} characters, expected 1 to {_MAX_ID}"
        raise InvalidRequestError(field=where, message=message)
    return value


def _object(value: Json, where: str) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise InvalidRequestError(field=where, message=f"is {kind_of(value)}, expected an object")
    return value
