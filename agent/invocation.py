"""What the entrypoint is asked: untrusted payload in, a frozen request or a message out."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from runs.errors import InvalidRequestError
from runs.ids import MIN_SESSION_ID, new_session_id
from runs.json_types import Json
from runs.request import RunRequest, check_session_id, check_text, kind_of

_ACTIONS = ("start", "resume", "cancel", "pause", "status")
#: Longer reasons belong in a ticket; the head is one item.
_MAX_REASON = 1_000
#: How many characters of an action that is none the refusal shows.
_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Work on a run: one that is in the journal, or the one asked for here."""

    session_id: str
    #: What to accept first; None when the run was accepted by somebody else.
    request: RunRequest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """End the work on a run."""

    session_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Leave a run where nothing that is begun is lost; the journal says until when."""

    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowStatus:
    """Say what this process works on; on one session if it is named."""

    session_id: str | None


Invocation = Start | Cancel | Pause | ShowStatus


def read_invocation(
    payload: Json, *, session: str | None, workflows: Collection[str]
) -> Invocation:
    """Check a payload.

    The session is the payload's `session_id`, else the runtime's (the header), else, for a prompt,
    a new one.

    Args:
        payload: What came in; AgentCore hands over any JSON value.
        session: The runtime session, if the caller named one.
        workflows: The names a prompt may ask for.

    Raises:
        InvalidRequestError: It is none of the requests we know; the error names the field.
    """
    if not isinstance(payload, Mapping):
        raise InvalidRequestError(
            field="payload", message=f"is {kind_of(payload)}, expected an object"
        )
    action = _action(payload)
    if action == "status":
        return ShowStatus(session_id=_optional_session(payload, session))
    if action == "cancel":
        return Cancel(session_id=_session(payload, session), reason=_reason(payload))
    if action == "pause":
        return Pause(session_id=_session(payload, session))
    if action is None or payload.get("prompt") is not None:
        return _prompted(payload, session=session, workflows=workflows)
    return Start(session_id=_session(payload, session), request=None)


def _action(payload: Mapping[str, Json]) -> str | None:
    action = payload.get("action")
    if action is None or action in _ACTIONS:
        return action
    # Cut: what is told back must not be as large as what came in.
    shown = repr(action[:_SHOWN]) if isinstance(action, str) else kind_of(action)
    expected = ", ".join(_ACTIONS)
    raise InvalidRequestError(field="action", message=f"is {shown}, expected one of: {expected}")


def _prompted(
    payload: Mapping[str, Json], *, session: str | None, workflows: Collection[str]
) -> Start:
    request = RunRequest.from_json(
        payload, source="agentcore", workflows=workflows, session_id=_fresh_session(session)
    )
    return Start(session_id=request.session_id, request=request)


def _fresh_session(session: str | None) -> str:
    """Give the id for a prompt that names none of its own.

    On AgentCore a runtime session is one run. Local tools send one short name for all they ask
    (`local-dev-session`), and their second prompt is to be a second run.
    """
    if session is None:
        return new_session_id()
    checked = check_session_id(session)
    return checked if len(checked) >= MIN_SESSION_ID else f"{checked}-{uuid.uuid4()}"


def _session(payload: Mapping[str, Json], session: str | None) -> str:
    chosen = _optional_session(payload, session)
    if chosen is None:
        raise InvalidRequestError(field="session_id", message="is missing, expected a string")
    return chosen


def _optional_session(payload: Mapping[str, Json], session: str | None) -> str | None:
    named = payload.get("session_id")
    chosen = session if named is None else named
    return None if chosen is None else check_session_id(chosen)


def _reason(payload: Mapping[str, Json]) -> str:
    reason = payload.get("reason")
    if reason is None:
        return "cancelled by request"
    if not isinstance(reason, str) or not 1 <= len(reason) <= _MAX_REASON:
        message = f"is not a text, expected 1 to {_MAX_REASON:,} characters"
        raise InvalidRequestError(field="reason", message=message)
    check_text(reason, "reason")
    return reason
