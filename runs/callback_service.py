"""Telling the Lambda service what a callback of a durable execution came to.

The journal decides whether an answer is taken, as for every callback; the service is told after it,
and invokes the function. Telling it twice changes nothing.
"""

from typing import Protocol

from runs.errors import AnswerNotToldError
from runs.operations import Operation


class CallbackService(Protocol):
    """Keeps callbacks that an answer must be sent to."""

    def tell(self, callback: Operation) -> None:
        """Tell what a callback came to; one that is still open gets a heartbeat.

        Raises:
            AnswerNotToldError: The service was not told; telling it again is safe.
        """
        ...


class NoCallbackService:
    """There is no way to the Lambda service from here."""

    def tell(self, callback: Operation) -> None:
        """See `CallbackService.tell`."""
        why = "this process has no way to the Lambda service"
        raise AnswerNotToldError(callback.external_id or "", why)
