"""Which operation the code that runs now belongs to.

The durable SDK (3.0.0) tells a step neither its id nor its context's. What a step records beside
its result (an agent's messages, files) is to be found again by its operation: when a run is begun
again from there, it goes with it.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from aws_durable_execution_sdk_python.identifier import OperationIdentifier
from aws_durable_execution_sdk_python.state import ExecutionState

_wrap = ExecutionState.wrap_user_function

_CURRENT: ContextVar[str | None] = ContextVar("operation", default=None)


def current_operation() -> str | None:
    """Give the id of the innermost step or context whose code this is; None outside of any."""
    return _CURRENT.get()


def know_operations() -> None:
    """Keep track from now on; may be called any number of times."""
    ExecutionState.wrap_user_function = _tracked  # type: ignore[method-assign,assignment]


def _tracked(
    execution: ExecutionState,
    user_function: Callable[..., Any],
    operation_identifier: OperationIdentifier,
    is_replay_children: bool = False,
    attempt: int | None = None,
) -> Callable[..., Any]:
    wrapped = _wrap(execution, user_function, operation_identifier, is_replay_children, attempt)

    def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the user's code takes and gives
        token = _CURRENT.set(operation_identifier.operation_id)
        try:
            return wrapped(*args, **kwargs)
        finally:
            _CURRENT.reset(token)

    return run
