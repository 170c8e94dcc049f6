"""The places where one workflow runs unchanged: AgentCore's table, a laptop's file, and Lambda."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from aws_durable_execution_sdk_python.lambda_service import ErrorObject
from aws_durable_execution_sdk_python_testing.exceptions import ResourceNotFoundException
from aws_durable_execution_sdk_python_testing.runner import DurableFunctionTestRunner
from botocore.exceptions import ClientError

from agent.durable_function import DurableFunction
from agent.models.select import ModelChoice
from agent.runner import Limits
from agent.settling import Settler
from runs.answering import Answers
from runs.artifacts.folder import FolderStore
from runs.deciding import Ballot
from runs.ids import execution_session_id
from runs.journal.base import Journal
from runs.journal.sqlite import SqliteJournal
from runs.lambda_callbacks import LambdaCallbackService
from runs.operations import Operation, OperationError, OperationStatus, OperationType
from runs.run import Run
from runs.signals import NoSignal
from tests.support.cost import SESSION_ID, Plant, shipped
from tests.support.journals import Client, DynamoStore

#: A laptop's file (SQLite), and a Lambda durable function.
HOMES = ("laptop", "lambda")
#: And AgentCore's table (DynamoDB). The emulator takes ten times as long as a file, and every
#: journal keeps the same promises to the contract tests: the table is given one case of each way
#: in which runs use their journal, and not every case of what they work on.
EVERYWHERE = ("agentcore", *HOMES)
#: Asks all three homes.
everywhere = pytest.mark.parametrize("homes", EVERYWHERE, indirect=True)

#: How long a test waits for what happens in another thread; it never takes that long.
PATIENCE_SECONDS = 60


class Home(Protocol):
    """Where one run of a workflow is made, and what a test does to it."""

    journal: Journal
    artifacts: FolderStore

    def run(self, given: str | None) -> Run:
        """Bring the run to its end, or to a question for a person."""
        ...

    def answer(self, payload: str) -> Run:
        """Answer the open question, and bring the run to its end."""
        ...

    def refuse(self, message: str) -> Run:
        """Let the open question fail, and bring the run to its end."""
        ...

    def decide(self, ballot: Ballot) -> Run:
        """Decide on the open question as `errand approve` does, and bring the run to its end."""
        ...

    def wait(self) -> Run:
        """Leave the open question unanswered until the run has ended."""
        ...

    def head(self) -> Run:
        """Read the head."""
        ...


#: Makes a home with a question, in a folder of its own.
Homes = Callable[..., Home]


def files_of(home: Home) -> dict[str, bytes]:
    """Read every file of a home's run."""
    return {it.name: home.artifacts.get(it.key or "") for it in home.head().artifacts}


def question_id(home: Home) -> str:
    """Give the id of the open question."""
    found = open_question(home.journal, home.head().session_id)
    assert found is not None
    assert found.callback_id is not None
    return found.callback_id


def open_question(journal: Journal, session_id: str) -> Operation | None:
    """Give the callback that waits for an answer, if there is one."""
    for operation in journal.operations(session_id):
        is_open = operation.status is OperationStatus.STARTED
        if operation.type is OperationType.CALLBACK and is_open:
            return operation
    return None


class WorkerHome(Plant):
    """A worker on a journal; its clock is ten minutes later in each attempt."""

    def run(self, given: str | None) -> Run:
        """See `Home.run`."""
        self._given = given
        run = self.attempt(given)
        while not run.status.is_terminal and open_question(self.journal, SESSION_ID) is None:
            run = self.attempt(given)
        return run

    def answer(self, payload: str) -> Run:
        """See `Home.answer`."""
        self._answers().complete(question_id(self), payload)
        return self.run(self._given)

    def refuse(self, message: str) -> Run:
        """See `Home.refuse`."""
        error = OperationError(type="MailError", message=message)
        self._answers().fail(question_id(self), error)
        return self.run(self._given)

    def decide(self, ballot: Ballot) -> Run:
        """See `Home.decide`."""
        self._answers().decide(question_id(self), ballot)
        return self.run(self._given)

    def wait(self) -> Run:
        """See `Home.wait`."""
        return self.run(self._given)

    def _answers(self) -> Answers:
        return Answers(journal=self.journal, signal=NoSignal(), clock=self.clock)


class RunnersCallbacks:
    """The calls of boto3's `lambda` client for callbacks, answered by the SDK's runner."""

    def __init__(self, runner: DurableFunctionTestRunner) -> None:
        self._runner = runner

    def send_durable_execution_callback_success(self, *, CallbackId: str, Result: bytes) -> None:  # noqa: N803 - boto3's spelling
        """See boto3."""
        with _as_the_service("SendDurableExecutionCallbackSuccess"):
            self._runner.send_callback_success(CallbackId, Result)

    def send_durable_execution_callback_failure(
        self,
        *,
        CallbackId: str,  # noqa: N803 - as above
        Error: dict[str, Any],  # noqa: N803 - as above
    ) -> None:
        """See boto3."""
        with _as_the_service("SendDurableExecutionCallbackFailure"):
            self._runner.send_callback_failure(CallbackId, ErrorObject.from_dict(Error))

    def send_durable_execution_callback_heartbeat(self, *, CallbackId: str) -> None:  # noqa: N803 - as above
        """See boto3."""
        with _as_the_service("SendDurableExecutionCallbackHeartbeat"):
            self._runner.send_callback_heartbeat(CallbackId)


@contextmanager
def _as_the_service(operation: str) -> Iterator[None]:
    """Say as the service does that a callback was closed before."""
    try:
        yield
    except ResourceNotFoundException as error:
        answer: Any = {"Error": {"Code": "CallbackTimeoutException", "Message": str(error)}}
        raise ClientError(answer, operation) from error


class LambdaHome:
    """The Lambda durable function, with the SDK's own runner in the place of the service."""

    def __init__(
        self, folder: Path, *, workflow: str, prompt: str, journal: Journal | None = None
    ) -> None:
        self.artifacts = FolderStore(folder / "artifacts")
        self.journal = journal or SqliteJournal(folder / "journal.db", artifacts=self.artifacts)
        self.workflow, self.prompt = workflow, prompt
        self.arn = ""
        self.function = durable_function(self.journal, self.artifacts)
        self.runner = DurableFunctionTestRunner(
            self.function.invoke, poll_interval=0.01, execution_timeout=7_200
        )

    @property
    def session_id(self) -> str:
        """The run's id."""
        return execution_session_id(self.arn)

    def start(self, given: str | None, **more: Any) -> None:  # noqa: ANN401 - fields of a request
        """Start the execution."""
        request = {"workflow": self.workflow, "prompt": self.prompt, "input": given, **more}
        self.arn = self.runner.run_async(json.dumps(request), function_name=self.workflow)

    def run(self, given: str | None) -> Run:
        """See `Home.run`."""
        self.start(given)
        return self._until_still()

    def answer(self, payload: str) -> Run:
        """See `Home.answer`."""
        self.answers().complete(question_id(self), payload)
        return self.wait()

    def refuse(self, message: str) -> Run:
        """See `Home.refuse`."""
        error = OperationError(type="MailError", message=message)
        self.answers().fail(question_id(self), error)
        return self.wait()

    def decide(self, ballot: Ballot) -> Run:
        """See `Home.decide`."""
        self.answers().decide(question_id(self), ballot)
        return self.wait()

    def answers(self) -> Answers:
        """Give what `errand approve` answers by, with the runner in the place of the service."""
        return Answers(
            journal=self.journal,
            signal=NoSignal(),
            clock=self.function.clock,
            service=LambdaCallbackService(RunnersCallbacks(self.runner)),
        )

    def wait(self) -> Run:
        """See `Home.wait`."""
        self.runner.wait_for_result(self.arn, timeout=PATIENCE_SECONDS)
        return self.head()

    def head(self) -> Run:
        """See `Home.head`."""
        run = self.journal.get(self.session_id)
        assert run is not None
        return run

    def _until_still(self) -> Run:
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            run = self.journal.get(self.session_id)
            is_asked = run is not None and run.lease is None and self._is_asked()
            if run is not None and run.status.is_terminal:
                return self.wait()
            if run is not None and is_asked:
                return run
            time.sleep(0.01)
        msg = f"execution {self.arn} neither ended nor asked within {PATIENCE_SECONDS} s"
        raise AssertionError(msg)

    def _is_asked(self) -> bool:
        return open_question(self.journal, self.session_id) is not None


def durable_function(journal: Journal, artifacts: FolderStore) -> DurableFunction:
    """Make the function as its composition root does, with the offline model."""
    return DurableFunction(
        journal=journal,
        artifacts=artifacts,
        registry=shipped(),
        settler=Settler(journal=journal, signal=NoSignal()),
        limits=Limits(lease_seconds=6, stop_grace=timedelta(seconds=2)),
        model=ModelChoice.parse("offline"),
        clock=lambda: datetime.now(UTC),
    )


@contextmanager
def table_home(folder: Path, client: Client, *, workflow: str, prompt: str) -> Iterator[WorkerHome]:
    """Run a worker's home on a table of its own for the block."""
    home = WorkerHome(folder, workflow=workflow, prompt=prompt)
    store = DynamoStore(client, artifacts=home.artifacts)
    home.journal = store.journal()
    try:
        yield home
    finally:
        store.close()


def close(runner: DurableFunctionTestRunner) -> None:
    """Close a runner, and the event loop that it (1.4.0) leaves open."""
    runner.close()  # type: ignore[no-untyped-call]  # the library is typed in part
    runner._scheduler._loop.close()


@contextmanager
def lambda_home(folder: Path, *, workflow: str, prompt: str) -> Iterator[LambdaHome]:
    """Run the Lambda home for the block."""
    home = LambdaHome(folder, workflow=workflow, prompt=prompt)
    try:
        yield home
    finally:
        close(home.runner)
