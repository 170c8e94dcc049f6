"""Which operation the code that runs now belongs to.

The durable SDK (3.0.0) tells a step neither its id nor its context's. What a step records beside
its result (an agent's messages, files) is to be found again by its operation: when a run is begun
again from there, it goes with it. Log lines and spans say it, too.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from aws_durable_execution_sdk_python.identifier import OperationIdentifier
from aws_durable_execution_sdk_python.state import ExecutionState

from agent.durable.carrying import carry_context
from agent.tracing import traced
from runs.telemetry.scope import current_scope

_wrap = ExecutionState.wrap_user_function


def current_operation() -> str | None:
    """Give the id of the innermost step or context whose code this is; None outside of any."""
    return current_scope().operation_id


def know_operations() -> None:
    """Keep track from now on, in all threads; may be called any number of times."""
    carry_context()
    ExecutionState.wrap_user_function = _tracked  # type: ignore[method-assign,assignment]


def _tracked(
    execution: ExecutionState,
    user_function: Callable[..., Any],
    operation_identifier: OperationIdentifier,
    is_replay_children: bool = False,
    attempt: int | None = None,
) -> Callable[..., Any]:
    wrapped = user_function
    # The SDK makes what its plugins are told, and tells none if there are none.
    if execution._plugin_executor.has_plugins:
        wrapped = _wrap(execution, user_function, operation_identifier, is_replay_children, attempt)
    kind = operation_identifier.type.value.lower()
    name = operation_identifier.name or operation_identifier.sub_type

    def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the user's code takes and gives
        call = partial(wrapped, *args, **kwargs)
        return traced(kind, name, operation_identifier.operation_id, call=call)

    return run
