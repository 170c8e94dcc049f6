"""Errors about runs.

    RunError
    ├── InvalidRequestError        the caller's data is wrong; `field` names where
    ├── RunNotFoundError           no such run in this journal
    ├── IllegalTransitionError     a run in that status can't do that
    ├── ClaimLostError             somebody else has the run, or it has ended
    ├── LeaseLostError             this worker's lease is no longer the run's: stop working
    ├── CallbackNotFoundError      no callback has that id
    ├── CallbackClosedError        the callback was answered, or timed out, or its run is over
    ├── CallbackPayloadError       an answer is too large, or is no text
    ├── ApprovalNotFoundError      nothing is asked by that id
    ├── ApprovalClosedError        it is decided, expired or withdrawn; it says by whom and when
    ├── ApprovalChangedError       the decider was shown other words than are asked about now
    ├── NotADeciderError           the approval is for others to decide
    ├── AlreadyVotedError          they have approved before, and others still have to
    ├── BallotUsedError            what was given out to decide with has been used
    ├── LinkKeysError              the keys that sign links to approvals can't be had
    ├── SteeringRefusedError       the run can't be told anything, paused or resumed
    ├── LetterNotSentError         a notice could not be sent; sending it again may help
    ├── EventNotPutError           the bus did not take an event; putting it again may help
    ├── RetryRefusedError          the run can't be taken up again
    ├── ForkRefusedError           no fork can be made of the run, or not that one
    ├── StepNotFoundError          the run has no such step; the message lists those it has
    ├── AmbiguousStepError         several steps of the run have that name
    ├── StepRefusedError           a run can't be done again from that step on
    ├── AnswerNotToldError         the Lambda service was not told of an answer; telling again helps
    ├── UnwatchedRunError          nobody would hand the run to workers
    ├── ExecutionsUnknownError     nobody tells which executions watch runs
    ├── CorruptRecordError         the journal holds something that can't be read
    ├── PayloadHashError           a stored payload is not what was stored
    ├── PayloadMissingError        a stored payload is gone
    ├── JournalFormatError         the store is not a journal this version can read
    └── JournalUnavailableError    the store did not answer; retrying may help

`retryable` tells invoker, worker and state machine alike whether trying the same again can help.
"""

from collections.abc import Sequence
from datetime import datetime

from runs.instants import to_iso


class RunError(Exception):
    """The root of this package's errors."""

    retryable = False


class InvalidRequestError(RunError):
    """A request's data is wrong; nothing was done."""

    def __init__(self, *, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class RunNotFoundError(RunError):
    """The journal has no such run."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"run {session_id!r} is not in the journal")
        self.session_id = session_id


class IllegalTransitionError(RunError):
    """The run's status does not allow what was asked."""

    def __init__(self, session_id: str, *, status: str, wanted: str) -> None:
        super().__init__(f"run {session_id!r} is {status} and can't become {wanted}")
        self.session_id = session_id
        self.status = status
        self.wanted = wanted


class ClaimLostError(RunError):
    """The run can't be claimed now. Not a failure: somebody else is on it, or it is over."""

    def __init__(self, session_id: str, why: str) -> None:
        super().__init__(f"run {session_id!r} can't be claimed: {why}")
        self.session_id = session_id


class LeaseLostError(RunError):
    """A write was refused because the run's lease is another's, or the run has ended."""

    def __init__(self, session_id: str, *, attempt: int) -> None:
        super().__init__(
            f"attempt {attempt} of run {session_id!r} no longer holds the lease; "
            "its writes are refused"
        )
        self.session_id = session_id
        self.attempt = attempt


class CallbackNotFoundError(RunError):
    """No operation in the journal has that callback id."""

    def __init__(self, callback_id: str) -> None:
        super().__init__(f"callback {callback_id[:100]!r} is not in the journal")
        self.callback_id = callback_id


class CallbackClosedError(RunError):
    """The callback takes no answer any more; what it came to stands, and nothing was written."""

    def __init__(self, callback_id: str, why: str) -> None:
        super().__init__(f"callback {callback_id[:100]!r} is closed: {why}")
        self.callback_id = callback_id


class CallbackPayloadError(RunError):
    """What was given as an answer can't be one; nothing was written."""

    def __init__(self, callback_id: str, why: str) -> None:
        super().__init__(f"the answer to callback {callback_id[:100]!r} {why}")
        self.callback_id = callback_id


class ApprovalNotFoundError(RunError):
    """No approval in the journal belongs to that callback."""

    def __init__(self, callback_id: str) -> None:
        super().__init__(f"nothing is asked by callback {callback_id[:100]!r}")
        self.callback_id = callback_id


class ApprovalClosedError(RunError):
    """The approval takes no decision any more; what it came to stands, and nothing was written."""

    def __init__(
        self, approval_id: str, *, state: str, by: str | None, at: datetime | None, why: str = ""
    ) -> None:
        who = f" by {by}" if by else ""
        when = f" at {to_iso(at)}" if at else ""
        verb = "" if state == "expired" else "was "
        super().__init__(
            f"approval {approval_id} {verb}{state}{who}{when}{f': {why}' if why else ''}"
        )
        self.approval_id = approval_id
        self.state = state
        self.by = by
        self.at = at


class ApprovalChangedError(RunError):
    """What is asked about has changed since the decider was shown it; nothing was written."""

    def __init__(self, approval_id: str) -> None:
        super().__init__(
            f"approval {approval_id} is about other words now than those that were shown; "
            "look at it again"
        )
        self.approval_id = approval_id


class NotADeciderError(RunError):
    """Somebody decided what is for others to decide; nothing was written."""

    def __init__(self, approval_id: str, *, name: str, may_decide: Sequence[str]) -> None:
        super().__init__(
            f"approval {approval_id} is not for {name!r} to decide, expected one of: "
            f"{', '.join(may_decide)}"
        )
        self.approval_id = approval_id
        self.name = name


class AlreadyVotedError(RunError):
    """Somebody approved twice where several people must; nothing was written."""

    def __init__(self, approval_id: str, *, name: str, at: datetime, missing: int) -> None:
        super().__init__(
            f"{name!r} approved {approval_id} at {to_iso(at)} already; "
            f"approvals of others still needed: {missing}"
        )
        self.approval_id = approval_id
        self.missing = missing


class BallotUsedError(RunError):
    """A ballot that is taken once came a second time; nothing was written."""

    def __init__(self, approval_id: str) -> None:
        super().__init__(
            f"approval {approval_id} was decided on with this page before; open the link again"
        )
        self.approval_id = approval_id


class LinkKeysError(RunError):
    """The keys that links are signed with can't be had: no link is made, and none is known."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"the keys in {where!r} can't be used: {why}")
        self.where = where


class SteeringRefusedError(RunError):
    """The run can't be told anything, paused or resumed; nothing was written."""

    def __init__(self, session_id: str, *, what: str, why: str) -> None:
        super().__init__(f"run {session_id!r} can't be {what}: {why}")
        self.session_id = session_id


class LetterNotSentError(RunError):
    """A notice was not taken by whoever delivers it, or nobody knows."""

    retryable = True

    def __init__(self, letter_id: str, why: str) -> None:
        super().__init__(f"letter {letter_id!r} was not sent: {why}")
        self.letter_id = letter_id


class EventNotPutError(RunError):
    """An event was not taken by the bus, or nobody knows."""

    retryable = True

    def __init__(self, event_id: str, why: str) -> None:
        super().__init__(f"event {event_id!r} was not put on the bus: {why}")
        self.event_id = event_id


class RetryRefusedError(RunError):
    """The run can't be taken up again; nothing was written."""

    def __init__(self, session_id: str, why: str) -> None:
        super().__init__(f"run {session_id!r} can't be retried: {why}")
        self.session_id = session_id


class ForkRefusedError(RunError):
    """No fork can be made of the run, or not that one; nothing of use was written."""

    def __init__(self, session_id: str, why: str) -> None:
        super().__init__(f"run {session_id!r} can't be forked: {why}")
        self.session_id = session_id


class StepNotFoundError(RunError):
    """The run has no such step."""

    def __init__(self, session_id: str, step: str, *, known: Sequence[str]) -> None:
        those = f"; it has: {', '.join(known)}" if known else "; it has done none yet"
        super().__init__(f"run {session_id!r} has no step {step!r}{those}")
        self.session_id = session_id
        self.step = step


class AmbiguousStepError(RunError):
    """Several steps of the run have that name, or ids that begin like that."""

    def __init__(
        self, session_id: str, step: str, *, count: int, candidates: Sequence[str]
    ) -> None:
        listed = "\n".join(f"  {candidate}" for candidate in candidates)
        super().__init__(
            f"{step!r} is {count} steps of run {session_id!r}, expected the id of one:\n{listed}"
        )
        self.session_id = session_id
        self.step = step
        self.candidates = tuple(candidates)


class StepRefusedError(RunError):
    """A run can't be done again from that step on; nothing was written."""

    def __init__(self, session_id: str, step: str, why: str) -> None:
        super().__init__(f"step {step!r} of run {session_id!r} {why}")
        self.session_id = session_id
        self.step = step


class AnswerNotToldError(RunError):
    """An answer is in the journal, and the Lambda service that waits for it was not told."""

    retryable = True

    def __init__(self, callback_id: str, why: str) -> None:
        super().__init__(
            f"the answer is recorded, but the Lambda service was not told of it: {why}; "
            "answer again to tell it, or complete its callback "
            f"{callback_id} with send-durable-execution-callback-success"
        )
        self.callback_id = callback_id


class UnwatchedRunError(RunError):
    """A run was accepted, but nothing was found that would hand it to workers."""

    def __init__(self, session_id: str, why: str) -> None:
        super().__init__(f"run {session_id!r} would not be worked on: {why}")
        self.session_id = session_id


class ExecutionsUnknownError(RunError):
    """Whoever is to tell which executions there are refuses."""

    def __init__(self, arn: str, why: str) -> None:
        super().__init__(f"nobody tells what came of the executions of {arn}: {why}")
        self.arn = arn


class CorruptRecordError(RunError):
    """A journal record can't be read; it is named, and left as it is."""

    def __init__(self, session_id: str, record: str, why: str) -> None:
        super().__init__(f"record {record!r} of run {session_id!r} can't be read: {why}")
        self.session_id = session_id
        self.record = record


class PayloadHashError(RunError):
    """Stored bytes do not have the hash they were stored under."""

    def __init__(self, key: str, *, expected: str, actual: str) -> None:
        super().__init__(f"payload {key!r} has sha256 {actual}, expected {expected}")
        self.key = key


class PayloadMissingError(RunError):
    """A payload the journal refers to is not in the artifact store."""

    def __init__(self, key: str) -> None:
        super().__init__(f"payload {key!r} is not in the artifact store")
        self.key = key


class JournalFormatError(RunError):
    """The store is not a journal, or one that a newer version wrote; it is left as it is."""

    def __init__(self, store: str, why: str) -> None:
        super().__init__(f"journal {store!r} can't be used: {why}")
        self.store = store


class JournalUnavailableError(RunError):
    """The journal's store did not answer or throttled, after this process's own retries."""

    retryable = True
