"""Errors a user can cause or meet, and the exit code of each.

CliError
├── UsageError              what was typed can't be done; 2
│   ├── UnknownRunError     no run has that id
│   ├── AmbiguousRunError   several runs have ids that begin like that
│   ├── UnknownApprovalError    no approval or run has that id
│   ├── AmbiguousApprovalError  several approvals could be meant
│   └── NothingAskedError   the run asks nothing any more
├── UndecidedError          the approval takes no decision any more, or not this one; 1
├── UnsteeredError          the run takes no message, pause or resumption any more; 1
├── DetachedError           Ctrl-C while watching; 130
├── InterruptedStartError   Ctrl-C while the local stack was coming up; 130
├── UnfinishedRunError      the run has not ended yet; 5
└── UnreachableError        no stack or journal where one was looked for, or it refused; 4
    └── LostError           waiting for it is no use
        ├── NotAcceptedError    a request was sent, and no run came of it
        └── RunGoneError    the journal forgot the run while it was watched
"""

from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """What a script learns from `errand`."""

    #: The run is COMPLETED; for commands about no run's end: done.
    OK = 0
    #: The run is FAILED or TIMED_OUT; `doctor` found something wrong.
    FAILED = 1
    #: What was typed can't be done: nothing was sent.
    USAGE = 2
    #: The run is CANCELLED.
    CANCELLED = 3
    #: The stack, its journal or AWS can't be reached, or refused.
    UNREACHABLE = 4
    #: The run has not ended: its result was asked for too early.
    UNFINISHED = 5
    #: Ctrl-C; a run that was watched goes on.
    INTERRUPTED = 130


class CliError(Exception):
    """The root of this package's errors; the message is shown as it is."""

    exit_code = ExitCode.FAILED


class UsageError(CliError):
    """What was typed can't be done."""

    exit_code = ExitCode.USAGE


class UnknownRunError(UsageError):
    """No run of the journal has that id."""

    def __init__(self, given: str, *, where: str) -> None:
        super().__init__(f"no run {given!r} in {where}; `errand list` shows the runs there are")


class AmbiguousRunError(UsageError):
    """Several runs have ids that begin like that."""

    def __init__(self, given: str, *, count: int, candidates: Sequence[str]) -> None:
        listed = "\n".join(f"  {candidate}" for candidate in candidates)
        super().__init__(f"{given!r} is the beginning of {count} runs, expected of one:\n{listed}")
        self.candidates = tuple(candidates)


class UnknownApprovalError(UsageError):
    """No approval has that id, and no run that asks something."""

    def __init__(self, given: str, *, where: str) -> None:
        super().__init__(
            f"no approval {given!r} in {where}; `errand approvals` shows what waits for a decision"
        )


class AmbiguousApprovalError(UsageError):
    """Several approvals could be meant."""

    def __init__(self, given: str, *, candidates: Sequence[str]) -> None:
        listed = "\n".join(f"  {candidate}" for candidate in candidates)
        super().__init__(
            f"{given!r} could be any of {len(candidates)} approvals, expected of one:\n{listed}"
        )


class NothingAskedError(UsageError):
    """The run asks nothing any more."""

    def __init__(self, session_id: str, *, last: str) -> None:
        super().__init__(f"run {session_id} asks nothing now; it last asked {last}")


class UndecidedError(CliError):
    """A decision was not taken; what the approval came to stands."""


class UnsteeredError(CliError):
    """The run takes no message, pause or resumption any more, or not from here."""


class DetachedError(CliError):
    """Somebody stopped watching; nothing is wrong."""

    exit_code = ExitCode.INTERRUPTED

    def __init__(self, session_id: str) -> None:
        super().__init__(
            f"detached; the run goes on. `errand watch {session_id}` comes back to it, "
            f"`errand cancel {session_id}` ends it"
        )


class InterruptedStartError(CliError):
    """Ctrl-C was pressed while the local stack was coming up."""

    exit_code = ExitCode.INTERRUPTED

    def __init__(self) -> None:
        super().__init__("interrupted; nothing of the local stack is left running")


class UnfinishedRunError(CliError):
    """The run has no result yet."""

    exit_code = ExitCode.UNFINISHED

    def __init__(self, session_id: str, *, status: str) -> None:
        super().__init__(
            f"run {session_id} is {status} and has no result yet; "
            f"`errand watch {session_id}` waits for its end"
        )


class UnreachableError(CliError):
    """No stack or journal where one was looked for, or it refused."""

    exit_code = ExitCode.UNREACHABLE


class LostError(UnreachableError):
    """It will not come back: there is no use in waiting for it."""


class NotAcceptedError(LostError):
    """A request was put on the bus, and no run came of it."""

    def __init__(self, session_id: str, *, seconds: float, advice: str) -> None:
        super().__init__(
            f"there is no run {session_id} after waiting {seconds:.0f} s for it to be accepted; "
            f"{advice}"
        )


class RunGoneError(LostError):
    """The journal forgot a run that was being watched."""

    def __init__(self, session_id: str, *, where: str) -> None:
        super().__init__(
            f"run {session_id} is no longer in {where}: its stack was started afresh "
            "(`errand down --keep` and `errand up --keep` keep runs)"
        )
