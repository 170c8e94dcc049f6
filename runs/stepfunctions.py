"""The signal that ends a Step Functions wait on a task token."""

import logging
from typing import Protocol

logger = logging.getLogger(__name__)


class StepFunctions(Protocol):
    """The one call of boto3's `stepfunctions` client that is used here."""

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
