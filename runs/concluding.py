"""How a run ends whose Lambda durable execution the service ended without our code."""

from runs.lifecycle import Ending
from runs.run import RunFailure, Status

_ENDINGS = {
    "STOPPED": Ending(
        status=Status.CANCELLED,
        error=RunFailure(type="Cancelled", message="its Lambda durable execution was stopped"),
    ),
    "TIMED_OUT": Ending(
        status=Status.TIMED_OUT,
        error=RunFailure(
            type="ExecutionTimedOut",
            message="its Lambda durable execution took longer than the function allows",
        ),
    ),
    "FAILED": Ending(
        status=Status.FAILED,
        error=RunFailure(
            type="ExecutionFailed",
            message="the Lambda service ended its durable execution, as the function's log tells",
        ),
    ),
}
#: What the service calls the ways an execution ends badly.
STATUSES = frozenset(_ENDINGS)


def ending_of(status: str) -> Ending:
    """Give the ending of a run whose execution has one of `STATUSES`."""
    return _ENDINGS[status]
