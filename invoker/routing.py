"""From an event to an action, and from what goes wrong to an answer."""

import logging
from collections.abc import Callable, Mapping

from invoker.actions import Invoker, later
from invoker.answers import Answer, Outcome
from runs.concluding import STATUSES, ending_of
from runs.errors import (
    CorruptRecordError,
    InvalidRequestError,
    JournalFormatError,
    JournalUnavailableError,
    PayloadHashError,
    PayloadMissingError,
    RunError,
    RunNotFoundError,
    SteeringRefusedError,
)
from runs.ids import MIN_SESSION_ID, execution_session_id
from runs.json_types import Json
from runs.request import check_session_id, check_text, kind_of
from runs.telemetry.scope import current_scope, learn, within

logger = logging.getLogger(__name__)

_ACTIONS = "accept, cancel, conclude, dispatch, expire, notify, pause, resume, stop"
_MAX_REASON = 1_000
#: How many characters of an action that is none the refusal shows.
_SHOWN = 100
_UNREADABLE = (CorruptRecordError, JournalFormatError, PayloadHashError, PayloadMissingError)


def answer(invoker: Invoker, event: Json, *, seconds_left: Callable[[], float]) -> Answer:
    """Do what an event asks for.

    Data that is wrong is an answer, and so is a journal that does not answer or can't be read:
    the state machine chooses by outcomes, because the names of exceptions differ between Lambda
    and its emulators.

    Args:
        invoker: The actions.
        event: What the function was invoked with.
        seconds_left: Tells how much of the function's time is left.
    """
    try:
        with within(current_scope()):
            return _act(invoker, event, seconds_left=seconds_left)
    except InvalidRequestError as error:
        return Answer(outcome=Outcome.REJECTED, message=str(error), field=error.field)


def _act(invoker: Invoker, event: Json, *, seconds_left: Callable[[], float]) -> Answer:
    if not isinstance(event, Mapping):
        raise InvalidRequestError(field="payload", message="is not an object, expected one")
    if event.get("action") == "accept":
        return _accept(invoker, event, seconds_left=seconds_left)
    if event.get("action") == "conclude":
        return _conclude(invoker, event)
    session_id = check_session_id(event.get("session_id"), minimum=MIN_SESSION_ID)
    learn(session_id=session_id)
    try:
        return _act_on(invoker, session_id, event, seconds_left=seconds_left)
    except (JournalUnavailableError, RunNotFoundError) as error:
        return later(session_id, str(error))
    except _UNREADABLE as error:
        return _unreadable(error, session_id)


def _accept(
    invoker: Invoker, event: Mapping[str, Json], *, seconds_left: Callable[[], float]
) -> Answer:
    try:
        return invoker.accept(event, seconds_left=seconds_left)
    except _UNREADABLE as error:
        # There was a run of that id before, and nobody can tell whose it is.
        return _unreadable(error, None)


def _conclude(invoker: Invoker, event: Mapping[str, Json]) -> Answer:
    """End a durable execution's run; a journal that does not answer is raised.

    Nobody looks at the answer to an event: Lambda repeats what raised, after a minute and two.
    """
    status, execution = _text(event, "status"), _text(event, "execution")
    if status not in STATUSES:
        wanted = f"expected one of: {', '.join(sorted(STATUSES))}"
        raise InvalidRequestError(field="status", message=f"is {status!r}, {wanted}")
    session_id = execution_session_id(execution)
    try:
        return invoker.conclude(session_id, ending_of(status))
    except RunNotFoundError as error:
        # The function could not begin: the payload was no request, or the journal was not there.
        raise InvalidRequestError(field="execution", message=str(error)) from error
    except _UNREADABLE as error:
        return _unreadable(error, session_id)


def _unreadable(error: RunError, session_id: str | None) -> Answer:
    logger.error("run can't be read", exc_info=error, extra={"session_id": session_id})
    return Answer(outcome=Outcome.UNREADABLE, session_id=session_id, message=str(error))


def _act_on(
    invoker: Invoker,
    session_id: str,
    event: Mapping[str, Json],
    *,
    seconds_left: Callable[[], float],
) -> Answer:
    match event.get("action"):
        case "dispatch":
            return invoker.dispatch(session_id, seconds_left=seconds_left)
        case "expire":
            return invoker.expire(session_id)
        case "notify":
            return invoker.notify(session_id)
        case "stop":
            return invoker.stop(session_id)
        case "cancel":
            return _cancel(invoker, session_id, event)
        case "pause" | "resume" as action:
            return _steer(invoker, session_id, event, action=action)
        case other:
            # Cut: what is told back must not be as large as what came in.
            shown = repr(other[:_SHOWN]) if isinstance(other, str) else kind_of(other)
            raise InvalidRequestError(
                field="action", message=f"is {shown}, expected one of: {_ACTIONS}"
            )


def _steer(invoker: Invoker, session_id: str, event: Mapping[str, Json], *, action: str) -> Answer:
    by, origin = _text(event, "by"), _text(event, "from")
    if not by:
        raise InvalidRequestError(field="by", message="is missing, expected who asks")
    try:
        if action == "resume":
            return invoker.resume(session_id, by=by, origin=origin)
        return invoker.pause(session_id, by=by, origin=origin, reason=_text(event, "reason"))
    except RunNotFoundError as error:
        raise InvalidRequestError(field="session_id", message=str(error)) from error
    except SteeringRefusedError as error:
        return Answer(outcome=Outcome.REJECTED, session_id=session_id, message=str(error))


def _text(event: Mapping[str, Json], field: str) -> str:
    text = event.get(field) or ""
    if not isinstance(text, str) or len(text) > _MAX_REASON:
        raise InvalidRequestError(
            field=field, message=f"is not a text of at most {_MAX_REASON:,} characters"
        )
    check_text(text, field)
    return text


def _cancel(invoker: Invoker, session_id: str, event: Mapping[str, Json]) -> Answer:
    reason = _text(event, "reason") or "no reason given"
    try:
        return invoker.cancel(session_id, reason=reason)
    except RunNotFoundError as error:
        raise InvalidRequestError(field="session_id", message=str(error)) from error
