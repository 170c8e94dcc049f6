"""Events in words: what one fact of a timeline says to a person."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cli import text
from runs.events import Event, EventType


class Tone(StrEnum):
    """How a fact is to be taken; the values are Rich styles."""

    PLAIN = ""
    QUIET = "dim"
    GOOD = "green"
    BAD = "red"
    WARN = "yellow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One event, ready to be printed."""

    words: str
    detail: str = ""
    tone: Tone = Tone.PLAIN

    @property
    def line(self) -> str:
        """Give the fact as one line."""
        return f"{self.words}: {self.detail}" if self.detail else self.words


_WORDS: Mapping[EventType, tuple[str, Tone]] = {
    EventType.EXECUTION_STARTED: ("accepted", Tone.PLAIN),
    EventType.EXECUTION_SUCCEEDED: ("completed", Tone.GOOD),
    EventType.EXECUTION_FAILED: ("failed", Tone.BAD),
    EventType.EXECUTION_TIMED_OUT: ("timed out", Tone.BAD),
    EventType.EXECUTION_STOPPED: ("cancelled", Tone.WARN),
    EventType.CONTEXT_STARTED: ("began", Tone.QUIET),
    EventType.CONTEXT_SUCCEEDED: ("finished", Tone.PLAIN),
    EventType.CONTEXT_FAILED: ("failed", Tone.BAD),
    EventType.STEP_STARTED: ("step began", Tone.PLAIN),
    EventType.STEP_SUCCEEDED: ("step finished", Tone.GOOD),
    EventType.STEP_FAILED: ("step failed", Tone.BAD),
    EventType.WAIT_STARTED: ("waiting", Tone.PLAIN),
    EventType.WAIT_SUCCEEDED: ("wait is over", Tone.PLAIN),
    EventType.WAIT_CANCELLED: ("wait was given up", Tone.WARN),
    EventType.CALLBACK_STARTED: ("waiting for an answer", Tone.WARN),
    EventType.CALLBACK_SUCCEEDED: ("answered", Tone.GOOD),
    EventType.CALLBACK_FAILED: ("answered with an error", Tone.BAD),
    EventType.CALLBACK_TIMED_OUT: ("nobody answered in time", Tone.BAD),
    EventType.CHAINED_INVOKE_STARTED: ("child run began", Tone.PLAIN),
    EventType.CHAINED_INVOKE_SUCCEEDED: ("child run finished", Tone.GOOD),
    EventType.CHAINED_INVOKE_FAILED: ("child run failed", Tone.BAD),
    EventType.CHAINED_INVOKE_TIMED_OUT: ("child run was not done in time", Tone.BAD),
    EventType.CHAINED_INVOKE_STOPPED: ("child run was stopped", Tone.BAD),
    EventType.INVOCATION_COMPLETED: ("invocation ended", Tone.PLAIN),
    EventType.DISPATCHED: ("handed to the agent", Tone.QUIET),
    EventType.LEASE_CLAIMED: ("attempt began", Tone.PLAIN),
    EventType.WORKFLOW_CHANGED: ("the workflow has changed", Tone.WARN),
    EventType.LEASE_RELEASED: ("handed back", Tone.WARN),
    EventType.RUN_PARKED: ("parked", Tone.PLAIN),
    EventType.CANCEL_REQUESTED: ("cancellation requested", Tone.WARN),
    EventType.PAUSE_REQUESTED: ("pause requested", Tone.WARN),
    EventType.RUN_RESUMED: ("resumed", Tone.GOOD),
    EventType.MESSAGE_TOLD: ("told", Tone.PLAIN),
    EventType.MESSAGE_DELIVERED: ("message delivered", Tone.QUIET),
    EventType.RUN_RETRIED: ("taken up again", Tone.WARN),
    EventType.RUN_STALLED: ("stalled", Tone.BAD),
    EventType.SESSION_STOPPED: ("session stopped", Tone.QUIET),
    EventType.RUN_REPAIRED: ("repaired by the sweep", Tone.WARN),
    EventType.BUDGET_SET: ("budget set", Tone.PLAIN),
    EventType.MODEL_CALLED: ("model answered", Tone.PLAIN),
    EventType.MODEL_FAILED: ("model call failed", Tone.BAD),
    EventType.TOOL_CALLED: ("tool called", Tone.PLAIN),
    EventType.TOOL_RETURNED: ("tool returned", Tone.QUIET),
    EventType.PROGRESS_REPORTED: ("progress", Tone.QUIET),
    EventType.ARTIFACT_SAVED: ("saved", Tone.GOOD),
    EventType.APPROVAL_REQUESTED: ("asks", Tone.WARN),
    EventType.APPROVAL_ANNOUNCED: ("told", Tone.QUIET),
    EventType.APPROVAL_VIEWED: ("looked at", Tone.QUIET),
    EventType.APPROVAL_DECIDED: ("decided", Tone.GOOD),
    EventType.APPROVAL_REMINDED: ("reminded", Tone.QUIET),
    EventType.APPROVAL_EXPIRED: ("nobody decided in time", Tone.BAD),
}

#: Characters of what an agent is told that a line shows.
_MOST = 200
#: How a tool was left, where it did not do what it was called for.
_LEFT = {
    "interrupted": ("tool asks", Tone.PLAIN),
    "in_doubt": ("tool in doubt", Tone.BAD),
    "error": ("tool failed", Tone.BAD),
}


def fact(event: Event) -> Fact:
    """Put an event into words."""
    words, tone = _WORDS[event.type]
    if event.type is EventType.TOOL_RETURNED:
        words, tone = _LEFT.get(_word(event, "Status") or "", (words, tone))
    detail = _DETAILS.get(event.type, _named)(event)
    if event.type is EventType.STEP_SUCCEEDED and event.is_tried_again:
        words, tone = "condition not met yet", Tone.PLAIN
    if event.type is EventType.LEASE_CLAIMED:
        words = f"attempt {event.attempt} began"
    if event.type is EventType.APPROVAL_DECIDED:
        words = _word(event, "Decision") or words
        tone = Tone.BAD if words == "denied" else tone
    return Fact(words=words, detail=text.one_line(detail), tone=tone)


def error_message(event: Event) -> str:
    """Give the message of the error an event tells of, or nothing."""
    error = event.details.get("Error")
    if isinstance(error, Mapping):
        # GetDurableExecutionHistory wraps errors once more than our own events do.
        payload = error.get("Payload", error)
        error = payload if isinstance(payload, Mapping) else error
        message = error.get("ErrorMessage") or error.get("ErrorType")
        return message if isinstance(message, str) else ""
    return error if isinstance(error, str) else ""


def _named(event: Event) -> str:
    error = error_message(event)
    return _joined(event.name, error)


def _joined(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)


def _word(event: Event, key: str) -> str | None:
    value = event.details.get(key)
    return value if isinstance(value, str) else None


def _number(event: Event, key: str) -> int:
    value = event.details.get(key)
    return value if isinstance(value, int) else 0


def _accepted(event: Event) -> str:
    return _joined(_word(event, "Workflow"), _from(_word(event, "Source")), _forked(event))


def _forked(event: Event) -> str | None:
    origin = event.details.get("ForkedFrom")
    if not isinstance(origin, Mapping):
        return None
    return f"forked from {origin.get('SessionId')} at {origin.get('Step')}"


def _from(source: str | None) -> str | None:
    return f"from {source}" if source else None


def _changed(event: Event) -> str:
    return f"from version {_word(event, 'From')} to {_word(event, 'To')}"


def _parked(event: Event) -> str:
    wake_at = _word(event, "WakeAt")
    return _joined(_word(event, "WaitingFor"), f"until {wake_at}" if wake_at else None)


def _model(event: Event) -> str:
    used = f"{text.tokens(_number(event, 'InputTokens'))} tokens in"
    made = f"{text.tokens(_number(event, 'OutputTokens'))} out"
    return _joined(_by(event.name, _word(event, "Model")), used, made)


def _budget(event: Event) -> str:
    limits = event.details.get("Budget")
    pairs = limits.items() if isinstance(limits, Mapping) else ()
    return _joined(
        *(f"{name} {limit:,}" for name, limit in pairs if isinstance(limit, int | float))
    )


def _by(agent: str | None, model: str | None) -> str | None:
    return f"{agent or 'agent'} by {model}" if model else agent


def _retried(event: Event) -> str:
    start, by = _word(event, "From"), _word(event, "By")
    dropped = _number(event, "Dropped")
    again = f"{text.count(dropped, 'operation')} to be done again" if dropped else None
    return _joined(f"from {start} on" if start else None, again, f"by {by}" if by else None)


def _progress(event: Event) -> str:
    done, total = _number(event, "Done"), _number(event, "Total")
    share = f"{done:,} of {total:,}" if total else None
    return _joined(_word(event, "Step"), share, _word(event, "Message"))


def _asked(event: Event) -> str:
    until = _word(event, "ExpiresAt")
    return _joined(_word(event, "What"), _approval(event), f"until {until}" if until else None)


def _decided(event: Event) -> str:
    missing = _number(event, "Missing")
    return _joined(
        _name_of(event),
        "edited" if event.details.get("Edited") else None,
        _word(event, "Comment"),
        f"{missing} more must approve" if missing else None,
        _approval(event),
    )


def _name_of(event: Event) -> str:
    by, origin = _word(event, "By"), _word(event, "From")
    return f"by {by or 'somebody'}{f' ({origin})' if origin else ''}"


def _said(event: Event) -> str:
    number, agent = _number(event, "Number"), _word(event, "Agent")
    words = text.one_line(_word(event, "Text") or "")
    return _joined(
        f"message {number}{f' for {agent}' if agent else ''}",
        _name_of(event),
        words if len(words) <= _MOST else f"{words[:_MOST]}…",
    )


def _heard(event: Event) -> str:
    return f"message {_number(event, 'Number')} to {event.name or 'an agent'}"


def _approval(event: Event) -> str:
    return f"approval {_word(event, 'ApprovalId')}"


def _told(event: Event) -> str:
    is_asked = _word(event, "Notice") == "asked"
    return "that a decision is asked for" if is_asked else "that nobody decided"


def _saved(event: Event) -> str:
    return _joined(_word(event, "Name"), text.size(_number(event, "Size")))


_DETAILS: Mapping[EventType, Callable[[Event], str]] = {
    EventType.EXECUTION_STARTED: _accepted,
    EventType.LEASE_CLAIMED: lambda event: _word(event, "Owner") or "",
    EventType.WORKFLOW_CHANGED: _changed,
    EventType.LEASE_RELEASED: lambda event: _word(event, "Why") or "",
    EventType.DISPATCHED: lambda event: f"dispatch {_number(event, 'Dispatch')}",
    EventType.RUN_PARKED: _parked,
    EventType.CANCEL_REQUESTED: lambda event: _word(event, "Reason") or "",
    EventType.PAUSE_REQUESTED: lambda event: _joined(_name_of(event), _word(event, "Reason")),
    EventType.RUN_RESUMED: _name_of,
    EventType.MESSAGE_TOLD: _said,
    EventType.MESSAGE_DELIVERED: _heard,
    EventType.RUN_RETRIED: _retried,
    EventType.RUN_REPAIRED: lambda event: _word(event, "Found") or "",
    EventType.BUDGET_SET: _budget,
    EventType.MODEL_CALLED: _model,
    EventType.PROGRESS_REPORTED: _progress,
    EventType.ARTIFACT_SAVED: _saved,
    EventType.APPROVAL_REQUESTED: _asked,
    EventType.APPROVAL_ANNOUNCED: lambda event: _joined(_told(event), _approval(event)),
    EventType.APPROVAL_VIEWED: lambda event: _joined(_name_of(event), _approval(event)),
    EventType.APPROVAL_DECIDED: _decided,
    EventType.APPROVAL_REMINDED: _approval,
    EventType.APPROVAL_EXPIRED: _approval,
}
