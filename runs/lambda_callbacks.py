"""The Lambda service's callbacks: the adapter that tells it of answers."""

import logging
from typing import Protocol

from runs.aws_errors import AnsweredError, codes_of, translated
from runs.errors import AnswerNotToldError, JournalUnavailableError
from runs.operations import Operation, OperationError, OperationStatus

logger = logging.getLogger(__name__)

#: What the service answers when the callback was answered before, or nobody waits for it any more.
_CLOSED = "CallbackTimeoutException"


class LambdaCallbacks(Protocol):
    """The calls of boto3's `lambda` client that are used here."""

    def send_durable_execution_callback_success(self, *, CallbackId: str, Result: bytes) -> object:  # noqa: N803 - boto3's spelling
        """See boto3."""
        ...

    def send_durable_execution_callback_failure(
        self,
        *,
        CallbackId: str,  # noqa: N803 - as above
        Error: dict[str, object],  # noqa: N803 - as above
    ) -> object:
        """See boto3."""
        ...

    def send_durable_execution_callback_heartbeat(self, *, CallbackId: str) -> object:  # noqa: N803 - as above
        """See boto3."""
        ...


class LambdaCallbackService:
    """See `CallbackService`; needs `lambda:SendDurableExecutionCallback…` on the function."""

    def __init__(self, client: LambdaCallbacks) -> None:
        self._client = client

    def tell(self, callback: Operation) -> None:
        """See `CallbackService.tell`."""
        callback_id = callback.external_id or ""
        try:
            with translated():
                self._send(callback, callback_id)
        except JournalUnavailableError as error:
            raise AnswerNotToldError(callback_id, str(error)) from error
        except AnsweredError as error:
            if _CLOSED not in codes_of(error):
                raise AnswerNotToldError(callback_id, str(error)) from error
            logger.info("callback was closed", extra={"error": str(error)})

    def _send(self, callback: Operation, callback_id: str) -> None:
        match callback.status:
            case OperationStatus.SUCCEEDED:
                self._client.send_durable_execution_callback_success(
                    CallbackId=callback_id, Result=(callback.payload or "").encode()
                )
            case OperationStatus.FAILED:
                self._client.send_durable_execution_callback_failure(
                    CallbackId=callback_id, Error=_shape(callback.error or OperationError())
                )
            case OperationStatus.STARTED:
                self._client.send_durable_execution_callback_heartbeat(CallbackId=callback_id)
            case _:
                # It timed out, which the service knows first.
                return


def _shape(error: OperationError) -> dict[str, object]:
    shape: dict[str, object] = {
        "ErrorMessage": error.message,
        "ErrorType": error.type,
        "ErrorData": error.data,
        "StackTrace": None if error.stack_trace is None else list(error.stack_trace),
    }
    return {name: value for name, value in shape.items() if value is not None}
