"""Step Functions: the signal that ends a wait on a task token, and an execution that watches."""

import hashlib
import json
import logging
from typing import Protocol

from runs.aws_errors import AnsweredError, codes_of, translated
from runs.errors import UnwatchedRunError
from runs.json_types import Json

logger = logging.getLogger(__name__)

_LONGEST_NAME = 74


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


class Executions(Protocol):
    """The call of boto3's `stepfunctions` client that a watcher makes."""

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> object:  # noqa: A002, N803 - boto3's spelling
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
        watching = json.dumps({"session_id": session_id, "watch": True})
        try:
            with translated():
                self._client.start_execution(
                    stateMachineArn=self._state_machine,
                    name=_execution_name(session_id, retry),
                    input=watching,
                )
        except AnsweredError as error:
            # It was started before, and has ended since.
            if "ExecutionAlreadyExists" not in codes_of(error):
                raise UnwatchedRunError(session_id, str(error)) from error


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
        try:
            with translated():
                self._client.start_execution(
                    stateMachineArn=self._state_machine,
                    name=_named("run", session_id),
                    input=json.dumps(given),
                )
        except AnsweredError as error:
            if "ExecutionAlreadyExists" not in codes_of(error):
                raise UnwatchedRunError(session_id, str(error)) from error


def _execution_name(session_id: str, retry: int) -> str:
    """Name a run's watching execution the same way each time."""
    return _named("watch", f"{session_id}-retry-{retry}" if retry else session_id)


def _named(kind: str, name: str) -> str:
    """Name an execution; names may have 80 characters."""
    is_short = len(name) <= _LONGEST_NAME
    return f"{kind}-{name if is_short else hashlib.sha256(name.encode()).hexdigest()}"
