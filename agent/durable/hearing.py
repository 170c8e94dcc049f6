"""Hearing what a workflow's code asks the durable SDK for, before the SDK answers from its record.

The answer to an operation that is finished comes without a call of the service client, and the
SDK's plugins (3.0.0) are told of it without what it was asked with, may not refuse, and belong to
the handler's author. So these few functions of the SDK are wrapped. They find the invocation by its
service client; one that is not ours, such as Lambda's own, is left alone.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import count
from typing import Any

from aws_durable_execution_sdk_python.concurrency.executor import ConcurrentExecutor
from aws_durable_execution_sdk_python.concurrency.models import BatchResult, Executable
from aws_durable_execution_sdk_python.config import (
    MapConfig,
    NestingType,
    ParallelBranch,
    ParallelConfig,
)
from aws_durable_execution_sdk_python.context import DurableContext
from aws_durable_execution_sdk_python.identifier import OperationIdentifier, OperationIdNamespace
from aws_durable_execution_sdk_python.lambda_service import ErrorObject, OperationStatus
from aws_durable_execution_sdk_python.operation.base import CheckResult
from aws_durable_execution_sdk_python.operation.invoke import InvokeOperationExecutor
from aws_durable_execution_sdk_python.state import ExecutionState

from agent.durable.given import items_of_map, items_of_parallel
from agent.durable.replay import Replay, ReplayingClient, ending

_map = DurableContext.map
_parallel = DurableContext.parallel
_replay_aware = DurableContext._replay_aware
_branch_identifier = ConcurrentExecutor._get_iteration_operation_identifier
_check_invoke = InvokeOperationExecutor.check_result_status
_context_ends = ExecutionState.emit_child_context_end_hook


def hear() -> None:
    """Check every replay from now on; may be called any number of times."""
    DurableContext.map = _map_given  # type: ignore[method-assign,assignment]
    DurableContext.parallel = _parallel_given  # type: ignore[method-assign,assignment]
    DurableContext._replay_aware = _asked  # type: ignore[method-assign,assignment]
    branches: Any = ConcurrentExecutor
    branches._get_iteration_operation_identifier = _branch_asked
    invokes: Any = InvokeOperationExecutor
    invokes.check_result_status = _invoke_asked
    ExecutionState.emit_child_context_end_hook = _context_ended  # type: ignore[method-assign,assignment]


def _replay_of(execution: ExecutionState) -> Replay | None:
    client = execution._service_client
    return client.replay if isinstance(client, ReplayingClient) else None


def _map_given(
    context: DurableContext,
    inputs: Sequence[Any],
    func: Callable[..., Any],
    name: str | None = None,
    config: MapConfig[Any] | None = None,
) -> BatchResult[Any]:
    # On the thread that asks for the operation next: its id is made inside.
    if (replay := _replay_of(context.state)) is not None:
        inputs = _readable_twice(inputs)
        replay.give(items_of_map(inputs))
    return _map(context, inputs, func, name, config)


def _parallel_given(
    context: DurableContext,
    functions: Sequence[Callable[[DurableContext], Any] | ParallelBranch[Any]],
    name: str | None = None,
    config: ParallelConfig | None = None,
) -> BatchResult[Any]:
    if (replay := _replay_of(context.state)) is not None:
        functions = _readable_twice(functions)
        replay.give(items_of_parallel(functions))
    return _parallel(context, functions, name, config)


def _readable_twice(given: Sequence[Any]) -> Sequence[Any]:
    # The SDK asks for a sequence and takes a generator, too: to look at that is to use it up.
    return list(given) if isinstance(given, Iterator) else given


def _asked(
    context: DurableContext,
    operation_identifier: OperationIdentifier | None = None,
    *,
    is_virtual: bool = False,
) -> AbstractContextManager[None]:
    client = context.state._service_client
    if isinstance(client, ReplayingClient) and operation_identifier is not None:
        # Before anything is begun; what other branches have begun comes to its end.
        client.leave_if_paused()
        client.replay.ask(operation_identifier, is_virtual=is_virtual)
    return _replay_aware(context, operation_identifier, is_virtual=is_virtual)


def _branch_asked(
    executor: ConcurrentExecutor[Any, Any],
    executor_context: DurableContext,
    executable: Executable[Any],
) -> OperationIdentifier:
    identifier = _branch_identifier(executor, executor_context, executable)
    if (replay := _replay_of(executor_context.state)) is not None:
        is_flat = executor.nesting_type is NestingType.FLAT
        replay.ask(identifier, is_virtual=is_flat)
    return identifier


def _invoke_asked(executor: InvokeOperationExecutor[Any]) -> CheckResult[Any]:
    if (replay := _replay_of(executor.state)) is not None:
        replay.ask_invoke(
            executor.operation_identifier.operation_id,
            target=executor.function_name,
            payload=lambda: _payload(executor),
        )
    return _check_invoke(executor)


def _payload(executor: InvokeOperationExecutor[Any]) -> str | None:
    # What a serialiser of the author's own writes may be another text each time.
    if executor.config.serdes_payload is not None:
        return None
    return json.dumps(executor.payload)


def _context_ended(
    execution: ExecutionState,
    operation_identifier: OperationIdentifier,
    status: OperationStatus,
    *,
    error: ErrorObject | None = None,
    is_replayed: bool = False,
) -> None:
    """Hear of the end of a context that records none: a virtual one, or one that is replayed."""
    if (replay := _replay_of(execution)) is not None:
        replay.leave(operation_identifier.operation_id, why=ending(error))
        ids = OperationIdNamespace(operation_identifier.operation_id)
        replay.leave_virtual(map(ids.create_id_for_step, count(1)))
    _context_ends(execution, operation_identifier, status, error=error, is_replayed=is_replayed)
