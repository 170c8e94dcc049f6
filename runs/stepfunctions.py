"""Step Functions: what ends or prolongs a wait on a task token, and executions that watch."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from runs.aws_errors import AnsweredError, codes_of, translated
from runs.errors import ExecutionsUnknownError, UnwatchedRunError
from runs.executions import ExecutionState, execution_name, watcher_name
from runs.json_types import Json
from runs.telemetry.scope import current_scope

logger = logging.getLogger(__name__)


class StepFunctions(Protocol):
    """The call of boto3's `stepfunctions` client that a signal is."""

    def send_task_success(self, *, taskToken: str, output: str) -> object:  # noqa: N803 - boto3's spelling
        """End a wait; see boto3."""
        ...


class StepFunctionsSignal:
    """See `runs.signals.Signal`."""

    def __init__(self, client: StepFunctions) -> None:
        self._client = client

    def send(self, wake_token: str) -> None:
        """See `runs.signals.Signal.send`."""
        try:
            self._client.send_task_success(taskToken=wake_token, output="{}")
        except Exception as error:  # noqa: BLE001 - the port's promise: a signal never fails its caller
            # Usually TaskDoesNotExist or TaskTimedOut: the wait had ended by itself.
            logger.info("signal not taken", extra={"error": repr(error)})


class Beaten(Protocol):
    """The call of boto3's `stepfunctions` client that a heartbeat is."""

    def send_task_heartbeat(self, *, taskToken: str) -> object:  # noqa: N803 - boto3's spelling
        """Keep a wait from ending; see boto3."""
        ...


class StepFunctionsPulse:
    """See `runs.signals.Pulse`. It needs `states:SendTaskHeartbeat` on the state machine."""

    def __init__(self, client: Beaten) -> None:
        self._client = client

    def beat(self, wake_token: str) -> None:
        """See `runs.signals.Pulse.beat`."""
        try:
            self._client.send_task_heartbeat(taskToken=wake_token)
        except Exception as error:  # noqa: BLE001 - the port's promise: a heartbeat never fails its caller
            # Usually TaskDoesNotExist or TaskTimedOut: the wait has ended, and another begun.
            logger.debug("heartbeat not taken", extra={"error": repr(error)})


class Executions(Protocol):
    """The call of boto3's `stepfunctions` client that a watcher makes."""

    def start_execution(
        self,
        *,
        stateMachineArn: str,  # noqa: N803 - boto3's spelling
        name: str,
        input: str,  # noqa: A002 - as above
        traceHeader: str = "",  # noqa: N803 - as above
    ) -> object:
        """Start an execution; see boto3."""
        ...


class StepFunctionsWatcher:
    """See `runs.watch.Watcher`: an execution of the state machine that only watches.

    It needs `states:StartExecution` on the state machine. Its name makes starting it twice once.
    """

    def __init__(self, client: Executions, *, state_machine: str) -> None:
        self._client = client
        self._state_machine = state_machine

    def watch(self, session_id: str, *, retry: int = 0) -> None:
        """See `runs.watch.Watcher.watch`."""
        with _starting(session_id):
            self._client.start_execution(
                stateMachineArn=self._state_machine,
                name=watcher_name(session_id, retry),
                input=_watching(session_id),
                **_traced(),
            )


class StepFunctionsStarter:
    """Starts the execution that accepts a run and watches it to its end.

    Its name is made of the run's id, which makes starting it twice once, whoever asks for it.
    """

    def __init__(self, client: Executions, *, state_machine: str) -> None:
        self._client = client
        self._state_machine = state_machine

    def start(self, session_id: str, given: Json) -> None:
        """Start an execution with an input, unless there is, or was, one of that run.

        Raises:
            JournalUnavailableError: Step Functions did not answer; it may have been started.
            UnwatchedRunError: Step Functions refuses.
        """
        with _starting(session_id):
            self._client.start_execution(
                stateMachineArn=self._state_machine,
                name=execution_name("run", session_id),
                input=json.dumps(given),
                **_traced(),
            )


class SweptExecutions(Executions, Protocol):
    """The calls of boto3's `stepfunctions` client that a sweep makes besides."""

    def list_executions(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3 has no static types
        """See boto3."""
        ...

    def describe_execution(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """See boto3."""
        ...


class StepFunctionsExecutions:
    """See `runs.executions.Executions`.

    It needs `states:ListExecutions` and `states:StartExecution` on the state machine, and
    `states:DescribeExecution` on its executions.
    """

    #: Pages of 1,000: of those that run beyond, each is asked about by itself.
    _PAGES = 10

    def __init__(self, client: SweptExecutions, *, state_machine: str) -> None:
        self._client = client
        self._state_machine = state_machine

    def running(self) -> frozenset[str]:
        """See `Executions.running`."""
        request = {"stateMachineArn": self._state_machine, "statusFilter": "RUNNING"}
        found: set[str] = set()
        for _ in range(self._PAGES):
            with _asked(self._state_machine):
                page = self._client.list_executions(**request, maxResults=1000)
            found |= {each["executionArn"] for each in page["executions"]}
            if "nextToken" not in page:
                break
            request["nextToken"] = page["nextToken"]
        return frozenset(found)

    def state(self, arn: str) -> ExecutionState:
        """See `Executions.state`."""
        try:
            with translated():
                found = self._client.describe_execution(executionArn=arn)
        except AnsweredError as error:
            if codes_of(error) & {"ExecutionDoesNotExist", "InvalidArn"}:
                return ExecutionState.ABSENT
            raise ExecutionsUnknownError(arn, str(error)) from error
        is_running = found["status"] in {"RUNNING", "PENDING_REDRIVE"}
        return ExecutionState.RUNNING if is_running else ExecutionState.ENDED

    def named(self, name: str) -> str:
        """See `Executions.named`."""
        return f"{self._state_machine.replace(':stateMachine:', ':execution:')}:{name}"

    def watch(self, arn: str, session_id: str) -> None:
        """See `Executions.watch`."""
        with _starting(session_id):
            self._client.start_execution(
                stateMachineArn=self._state_machine,
                name=arn.rpartition(":")[2],
                input=_watching(session_id),
            )


@contextmanager
def _starting(session_id: str) -> Iterator[None]:
    """Take an execution that was started before, and may have ended since, for started."""
    try:
        with translated():
            yield
    except AnsweredError as error:
        if "ExecutionAlreadyExists" not in codes_of(error):
            raise UnwatchedRunError(session_id, str(error)) from error


def _traced() -> dict[str, str]:
    """Say in which trace an execution is started: what it does is then in the same."""
    trace = current_scope().trace
    return {} if trace is None else {"traceHeader": trace.xray}


def _watching(session_id: str) -> str:
    return json.dumps({"session_id": session_id, "watch": True})


@contextmanager
def _asked(what: str) -> Iterator[None]:
    try:
        with translated():
            yield
    except AnsweredError as error:
        raise ExecutionsUnknownError(what, str(error)) from error
