"""A stack that is up, by its outputs: the bus, the invoker and the journal's table."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from cli.dead_letters import DeadLetters
from cli.desk import ApprovalDesk
from cli.errors import CliError, UnreachableError, UsageError
from cli.helm import Ask, Helm, StackHelm
from cli.operating import Operator
from cli.pages import Pages
from cli.reader import RunReader
from runs.answering import Answers
from runs.artifacts.base import ArtifactStore
from runs.errors import JournalUnavailableError
from runs.journal.dynamodb import DynamoJournal
from runs.json_types import Json
from runs.lambda_callbacks import LambdaCallbackService
from runs.link_keys import keyring_at
from runs.links import Links
from runs.operations import Operation
from runs.stepfunctions import (
    StepFunctionsExecutions,
    StepFunctionsSignal,
    StepFunctionsWatcher,
)

if TYPE_CHECKING:
    from cli.deployment import Deployment
    from runs.sweeper import Swept

#: botocore makes its clients' classes while running: they have no static type.
Client: TypeAlias = Any
Clients: TypeAlias = Callable[[str], Client]
#: Says what to do about an error, if anything is known to help.
Remedy: TypeAlias = Callable[[BaseException], str | None]

#: What the stack's rule matches.
_SOURCE, _DETAIL_TYPE = "errand", "Run Requested"
#: What EventBridge takes for one entry, and Step Functions as an execution's input.
_MAX_EVENT_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The parts of one stack that the commands talk to."""

    name: str
    outputs: Mapping[str, str]
    clients: Clients
    artifacts: ArtifactStore
    remedy: Remedy
    #: As CloudFormation calls it.
    stack_name: str
    #: For how long the normal way may take before a sweep mends a run.
    patience: timedelta = timedelta(minutes=5)

    @property
    def is_remote(self) -> bool:
        """See `Place.is_remote`."""
        return False

    def deployment(self) -> "Deployment":
        """See `StackPlace.deployment`."""
        # For the doctor only.
        from cli.deployment import Deployment  # noqa: PLC0415

        return Deployment(
            stack_name=self.stack_name,
            outputs=self.outputs,
            clients=self.clients,
            is_remote=self.is_remote,
            now=datetime.now(UTC),
        )

    def reader(self) -> RunReader:
        """Open the journal."""
        return RunReader(
            self._journal(), where=self.name, translated=self._translated, pages=self._pages()
        )

    def desk(self) -> ApprovalDesk:
        """Open the journal for those who decide; whoever waits is told of each decision."""
        answers = Answers(
            journal=self._journal(),
            signal=_SignalOnDemand(self.clients),
            clock=lambda: datetime.now(UTC),
            service=_LambdaOnDemand(self.clients),
        )
        return ApprovalDesk(
            answers, where=self.name, translated=self._translated, pages=self._pages()
        )

    def helm(self) -> Helm:
        """Open the journal, and the way to the invoker, for those who steer runs."""
        return StackHelm(
            self._journal(),
            ask=self._ask_invoker,
            clock=lambda: datetime.now(UTC),
            translated=self._translated,
        )

    def operator(self) -> Operator:
        """Open the journal for those who take up runs again; the state machine watches them."""
        with self._translated():
            client = self.clients("stepfunctions")
        machine = self._output("StateMachineArn")
        return Operator(
            self._journal(),
            watcher=StepFunctionsWatcher(client, state_machine=machine),
            where=self.name,
            clock=lambda: datetime.now(UTC),
            translated=self._translated,
        )

    def send(self, detail: Mapping[str, Json]) -> None:
        """Put a request on the bus."""
        text = json.dumps(detail, ensure_ascii=False)
        if (size := len(text.encode())) > _MAX_EVENT_BYTES:
            msg = (
                f"the request has {size:,} bytes, expected at most {_MAX_EVENT_BYTES:,}; "
                "put larger material in a file and name it with --input"
            )
            raise UsageError(msg)
        entry = {
            "Source": _SOURCE,
            "DetailType": _DETAIL_TYPE,
            "Detail": text,
            "EventBusName": self._output("BusName"),
        }
        with self._translated():
            answer = self.clients("events").put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            refused = answer["Entries"][0]
            msg = f"{self.name} refused: {refused.get('ErrorCode')} {refused.get('ErrorMessage')}"
            raise UnreachableError(msg)

    def cancel(self, session_id: str, *, reason: str) -> None:
        """Ask the invoker to end a run."""
        request: dict[str, Json] = {"action": "cancel", "session_id": session_id, "reason": reason}
        said = self._ask_invoker(request)
        if said["outcome"] not in ("ENDED", "CANCELLING"):
            msg = f"{session_id} was not cancelled: {said['outcome']}, {said.get('message')}"
            raise CliError(msg)

    def _ask_invoker(self, request: Mapping[str, Json]) -> Mapping[str, Json]:
        with self._translated():
            answer = self.clients("lambda").invoke(
                FunctionName=self._output("InvokerName"), Payload=json.dumps(request).encode()
            )
            said: Mapping[str, Json] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            msg = f"the invoker failed: {said.get('errorMessage', said)}; its log says more"
            raise UnreachableError(msg)
        return said

    def sweep(self, *, is_dry: bool) -> "Swept":
        """Mend what the normal way has left, as the stack's own sweep does."""
        # Few commands sweep: the others need not pay for its import.
        from runs.sweeper import Sweeper  # noqa: PLC0415

        with self._translated():
            executions = StepFunctionsExecutions(
                self.clients("stepfunctions"), state_machine=self._output("StateMachineArn")
            )
            sweeper = Sweeper(
                journal=self._journal(),
                signal=_SignalOnDemand(self.clients),
                clock=lambda: datetime.now(UTC),
                patience=self.patience,
                executions=executions,
                stopper=_InvokerStops(self._ask_invoker),
            )
            return sweeper.sweep(is_dry=is_dry)

    def dead_letters(self) -> DeadLetters:
        """Open the task queue's dead letters."""
        with self._translated():
            client = self.clients("sqs")
        return DeadLetters(
            client,
            url=self._output("TaskDeadLetterQueueUrl"),
            queue_url=self._output("TaskQueueUrl"),
            translated=self._translated,
        )

    def lost_requests(self) -> int:
        """Count the requests the bus took and could not hand on."""
        asked = {
            "QueueUrl": self._output("DeadLetterQueueUrl"),
            "AttributeNames": ["ApproximateNumberOfMessages"],
        }
        with self._translated():
            answer = self.clients("sqs").get_queue_attributes(**asked)
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def _pages(self) -> Pages:
        url, keys = self.outputs.get("ApprovalsUrl"), self.outputs.get("LinkKeys")
        if url is None or keys is None:
            # Of an older version, whose approvals had no pages.
            return Pages()
        keyring = keyring_at(keys, client=lambda: self.clients("secretsmanager"))
        return Pages(Links(keyring, base_url=url))

    def _journal(self) -> DynamoJournal:
        with self._translated():
            client = self.clients("dynamodb")
        return DynamoJournal(client, table=self._output("TableName"), artifacts=self.artifacts)

    def _output(self, key: str) -> str:
        if key not in self.outputs:
            known = ", ".join(sorted(self.outputs)) or "none"
            msg = f"{self.name} has no output {key!r}, only: {known}; is it a stack of Errand's?"
            raise UnreachableError(msg)
        return self.outputs[key]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with said_by_aws(self.name, remedy=self.remedy):
            yield


@dataclass(frozen=True, slots=True)
class _InvokerStops:
    """Has the invoker stop sessions: it may, and who uses the command need not."""

    ask: Ask

    def stop(self, session_id: str) -> bool:
        """See `Stopper.stop`."""
        try:
            said = self.ask({"action": "stop", "session_id": session_id})
        except UnreachableError:
            # The other runs are swept all the same.
            return False
        return said["outcome"] == "STOPPED"


@dataclass(frozen=True, slots=True)
class _SignalOnDemand:
    """Step Functions, for those who do not only look: each client takes its time to make."""

    clients: Clients

    def send(self, wake_token: str) -> None:
        """See `Signal.send`."""
        StepFunctionsSignal(self.clients("stepfunctions")).send(wake_token)


@dataclass(frozen=True, slots=True)
class _LambdaOnDemand:
    """The Lambda service, for those few runs that are durable executions."""

    clients: Clients

    def tell(self, callback: Operation) -> None:
        """See `CallbackService.tell`."""
        LambdaCallbackService(self.clients("lambda")).tell(callback)


@contextmanager
def said_by_aws(where: str, *, remedy: Remedy) -> Iterator[None]:
    """Turn what botocore and the journal raise into a sentence with the place's name."""
    try:
        yield
    except (BotoCoreError, ClientError, JournalUnavailableError) as error:
        what = str(error).rstrip(".")
        # The journal tells what it was told; the remedy is for that.
        advice = remedy(error.__cause__ or error)
        msg = f"{where} could not be asked: {what}{f'; {advice}' if advice else ''}"
        raise UnreachableError(msg) from error
