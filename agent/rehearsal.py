"""Rehearsing a run: replaying what it has recorded against the code of this process, and no more.

Nothing is written and no step is entered, so no model and no tool is called. The code between the
steps does run, as it does in each attempt, and sees what it would see. Where the first thing would
be begun that is not finished, the rehearsal ends.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import cast

from aws_durable_execution_sdk_python.execution import (
    DurableExecutionInvocationInputWithClient,
    InitialExecutionState,
)
from aws_durable_execution_sdk_python.lambda_service import (
    CheckpointOutput,
    CheckpointUpdatedExecutionState,
    DurableExecutionInvocationOutput,
    InvocationStatus,
    OperationUpdate,
    StateOutput,
)
from aws_durable_execution_sdk_python.lambda_service import OperationType as SdkType

from agent.attempt import Attempt
from agent.durable.client import Outcome
from agent.durable.differences import REPLAY_MISMATCH, Difference, Told, told
from agent.durable.hearing import hear
from agent.durable.operations import arn_of, error_from_sdk, execution, to_sdk
from agent.durable.recorded import Moment
from agent.durable.rehearsing import Rehearsing
from agent.durable.replay import ReplayingClient, ending
from agent.durable.updates import record
from agent.errors import RehearsalError
from agent.models.select import ModelChoice
from agent.outcomes import read_ending
from agent.reading import ReadingJournal, ReadingStore
from agent.registry import Registry
from agent.services import InvocationContext, Services
from runs.errors import (
    CorruptRecordError,
    InvalidRequestError,
    PayloadHashError,
    PayloadMissingError,
)
from runs.journal.base import Journal
from runs.operations import Operation
from runs.run import Lease, Run

_TOKEN = "rehearsal"  # noqa: S105 - not a secret


class Verdict(StrEnum):
    """What came of a rehearsal."""

    #: The code asks for what is recorded.
    OK = "ok"
    #: It does not.
    DIFFERS = "differs"
    #: That can't be said.
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of the rehearsal of one run."""

    run: Run
    verdict: Verdict
    #: For people: where the run stands, the first difference, or why nothing can be said.
    words: str
    #: The version of the code that was asked; None if there is none.
    version: str | None
    difference: Told | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What rehearsals need of their process."""

    journal: Journal
    registry: Registry
    #: What code between steps is told that agents use; none is asked.
    model: ModelChoice
    clock: Callable[[], datetime]

    def rehearse(self, run: Run) -> Finding:
        """Replay one run as it is recorded now.

        Raises:
            JournalUnavailableError: The journal did not answer.
        """
        version = self.registry.versions.get(run.workflow)
        finding = Finding(run=run, verdict=Verdict.UNCHECKED, words="", version=version)
        try:
            handler = self.registry.handler(run.workflow)
            operations = self.journal.operations(run.session_id)
        except (InvalidRequestError, CorruptRecordError) as error:
            return replace(finding, words=str(error))
        except (PayloadMissingError, PayloadHashError) as error:
            return replace(finding, words=str(error))
        client = _Client(run, operations, now=self.clock())
        context = InvocationContext(
            aws_request_id=run.session_id,
            services=Services(attempt=self._attempt(run), model=self.model),
            ends_at=run.deadline_at,
        )
        try:
            output = handler(client.open(), context)
        except BaseException as error:  # noqa: BLE001 - a workflow that exits must not end the check
            return replace(finding, words=f"raises {type(error).__name__}: {error}")
        answer = DurableExecutionInvocationOutput.from_dict(dict(output))
        return self._found(finding, client, answer)

    def _attempt(self, run: Run) -> Attempt:
        lease = Lease(
            session_id=run.session_id,
            token=_TOKEN,
            owner=_TOKEN,
            attempt=run.attempt,
            seconds=1,
            expires_at=run.deadline_at,
        )
        return Attempt(
            journal=cast("Journal", ReadingJournal(self.journal)),
            artifacts=ReadingStore(self.journal.artifacts),
            run=run,
            lease=lease,
            clock=self.clock,
        )

    def _found(
        self, finding: Finding, client: "_Client", answer: DurableExecutionInvocationOutput
    ) -> Finding:
        is_over = answer.status is not InvocationStatus.PENDING
        error = answer.error
        if error is not None and (error.type or "").endswith(RehearsalError.__name__):
            # What it would do after the write that it was kept from, nobody knows.
            return replace(finding, words=error.message or "")
        how = ending(error)
        difference = client.replay.conclude(why=how) if is_over else client.replay.difference
        if difference is not None:
            return self._differs(finding, difference)
        if not is_over:
            where = client.replay.stands_at or "where it waits"
            return replace(finding, verdict=Verdict.OK, words=f"stands {where}")
        operations = client.operations.values()
        failure = read_ending(answer, recorded=client.outcome, operations=operations).ending.error
        if failure is None:
            return replace(finding, verdict=Verdict.OK, words="comes to its end")
        if failure.type == REPLAY_MISMATCH:
            # The SDK found what we did not.
            return replace(finding, verdict=Verdict.DIFFERS, words=failure.message)
        words = f"comes to its end, which is {failure.type}: {failure.message}"
        return replace(finding, verdict=Verdict.OK, words=words)

    def _differs(self, finding: Finding, difference: Difference) -> Finding:
        events = self.journal.events(finding.run.session_id)
        found = told(difference, events=events, version=finding.version)
        return replace(finding, verdict=Verdict.DIFFERS, words=found.sentence, difference=found)


class _Client(ReplayingClient):
    """The durable SDK's service client over operations in memory."""

    replay: Rehearsing

    def __init__(self, run: Run, operations: list[Operation], *, now: datetime) -> None:
        self._run = run
        self.operations = {operation.operation_id: operation for operation in operations}
        self._moment = Moment(session_id=run.session_id, attempt=run.attempt, now=now)
        self.replay = Rehearsing(operations)
        self.outcome: Outcome | None = None

    def open(self) -> DurableExecutionInvocationInputWithClient:
        """Give the handler's input."""
        hear()
        given = [execution(self._run), *map(to_sdk, self.operations.values())]
        return DurableExecutionInvocationInputWithClient(
            durable_execution_arn=arn_of(self._run),
            checkpoint_token=_TOKEN,
            initial_execution_state=InitialExecutionState(given, ""),
            service_client=self,
        )

    def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: list[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        """Take how contexts begin and end, in memory, so that the code after them is replayed.

        Nothing else comes here: the replay lets nothing else be begun.
        """
        changed = [self._take(update) for update in self.replay.admit(updates)]
        is_over = self.outcome is not None or self.replay.difference is not None
        state = CheckpointUpdatedExecutionState(
            operations=[to_sdk(operation) for operation in changed if operation is not None],
            next_marker="",
        )
        return CheckpointOutput(
            checkpoint_token=None if is_over else _TOKEN, new_execution_state=state
        )

    def get_execution_state(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        next_marker: str,
        max_items: int = 1000,
    ) -> StateOutput:
        """Give no page: there is one, and `open` gave it."""
        return StateOutput(operations=[], next_marker="")

    def _take(self, update: OperationUpdate) -> Operation | None:
        if update.operation_type is SdkType.EXECUTION:
            self.outcome = Outcome(payload=update.payload, error=error_from_sdk(update.error))
            return None
        known = self.operations.get(update.operation_id)
        ended = record(update, known, self._moment).operation
        self.operations[ended.operation_id] = ended
        return ended
