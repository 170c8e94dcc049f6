"""Chained invokes: operations that another workflow's run carries out.

The operation is recorded before the child is accepted, and both before the workflow goes on. A
worker that dies between the two leaves an operation without a child, which the next one sees when
it reads the run's state. A child that is there is never accepted again.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from agent.durable.recorded import Moment, Recorded, recorded
from runs.again import Retry
from runs.children import INVOKE_ENDINGS, NOT_FOUND, child_id, child_of, workflow_of
from runs.errors import RetryRefusedError, RunError, UnwatchedRunError
from runs.events import EventType
from runs.journal.base import Journal
from runs.operations import Operation, OperationError, OperationStatus, error_details
from runs.run import Run, RunFailure, Status
from runs.watch import PolledJournal, Watcher


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """Starts child runs, and reads how they ended."""

    journal: Journal
    #: The names that can be invoked.
    workflows: Collection[str]
    watcher: Watcher = field(default_factory=PolledJournal)

    def begin(self, parent: Run, invoke: Operation, moment: Moment) -> Recorded | None:
        """See that an operation's child run is there; give the operation if it can't be."""
        workflow = workflow_of(invoke.target or "")
        if workflow not in self.workflows:
            known = ", ".join(sorted(self.workflows)) or "none"
            message = f"{invoke.target!r} is not a workflow, expected one of: {known}"
            return _refused(invoke, OperationError(type=NOT_FOUND, message=message), moment)
        try:
            child = self._child(parent, invoke, workflow, moment)
        except RetryRefusedError as error:
            return _refused(invoke, _refusal(error), moment)
        # One that is not queued has been handed over by somebody.
        if child.status is not Status.QUEUED:
            return None
        try:
            self.watcher.watch(child.session_id, retry=child.retries)
        except UnwatchedRunError as error:
            self.journal.cancel(child.session_id, now=moment.now, reason=str(error))
            return _refused(invoke, _refusal(error), moment)
        return None

    def ended(self, parent: Run, invoke: Operation, moment: Moment) -> Recorded | None:
        """Give an operation as its child's end makes it; None if the child goes on."""
        child = self.journal.get(child_id(parent.session_id, invoke))
        if child is None or not child.status.is_terminal or _is_owed(invoke, child):
            return None
        status, kind = INVOKE_ENDINGS[child.status]
        error = _error(child.error)
        over = replace(
            invoke,
            status=status,
            payload=json.dumps(child.result) if error is None else None,
            error=error,
            ended_at=moment.now,
        )
        return recorded(kind, over, moment, details=error_details(error), is_advance=True)

    def _child(self, parent: Run, invoke: Operation, workflow: str, moment: Moment) -> Run:
        asked = child_of(parent, invoke, workflow=workflow, now=moment.now)
        known = self.journal.get(asked.session_id)
        if known is None:
            return self.journal.accept(asked).run
        if not _is_owed(invoke, known):
            return known
        retry = Retry(by="its parent", number=invoke.child_retries, deadline_at=parent.deadline_at)
        return self.journal.retry(known.session_id, retry, now=moment.now)


def _is_owed(invoke: Operation, child: Run) -> bool:
    """Say whether a child's end is the one from before its parent was retried."""
    return child.status is not Status.COMPLETED and child.retries < invoke.child_retries


def _refusal(error: RunError) -> OperationError:
    return OperationError(type=type(error).__name__, message=str(error))


def _refused(invoke: Operation, error: OperationError, moment: Moment) -> Recorded:
    failed = replace(invoke, status=OperationStatus.FAILED, error=error, ended_at=moment.now)
    details = error_details(error)
    return recorded(
        EventType.CHAINED_INVOKE_FAILED, failed, moment, details=details, is_advance=True
    )


def _error(failure: RunFailure | None) -> OperationError | None:
    return OperationError(type=failure.type, message=failure.message) if failure else None
