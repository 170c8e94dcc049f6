"""The executions of the state machine: which there are, and one more for a run that has none."""

import hashlib
from enum import StrEnum
from typing import Protocol

_LONGEST_NAME = 74


class ExecutionState(StrEnum):
    """What came of an execution."""

    RUNNING = "running"
    #: It ended, by itself or because somebody stopped it.
    ENDED = "ended"
    #: It was never started, or so long ago that nobody remembers.
    ABSENT = "absent"


class Executions(Protocol):
    """The executions of one state machine, by their ARNs.

    Every method may raise `JournalUnavailableError` (no answer), `ExecutionsUnknownError` and
    `UnwatchedRunError` (refused).
    """

    def running(self) -> frozenset[str]:
        """Give those that run, as far as a bounded listing reaches; may lag by a moment."""
        ...

    def state(self, arn: str) -> ExecutionState:
        """Say what came of one."""
        ...

    def named(self, name: str) -> str:
        """Give the ARN that an execution of a name has."""
        ...

    def watch(self, arn: str, session_id: str) -> None:
        """Start the one with this ARN for watching a run, unless it was started before."""
        ...


def watcher_name(session_id: str, retry: int = 0) -> str:
    """Name the execution that watches a run, the same way each time."""
    return execution_name("watch", f"{session_id}-retry-{retry}" if retry else session_id)


def successor_name(arn: str) -> str:
    """Name the execution that goes on for another one, as `HandOver` in `run.asl.json` does."""
    return hashlib.sha256(arn.encode()).hexdigest()


def execution_name(kind: str, name: str) -> str:
    """Name an execution; names may have 80 characters."""
    is_short = len(name) <= _LONGEST_NAME
    return f"{kind}-{name if is_short else hashlib.sha256(name.encode()).hexdigest()}"
