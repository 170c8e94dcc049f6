"""Hearing what a workflow's code asks the durable SDK for, before the SDK answers from its record.

The answer to an operation that is finished comes without a call of the service client, and the
SDK's plugins (3.0.0) are told of it without what it was asked with, may not refuse, and belong to
the handler's author. So these few functions of the SDK are wrapped. They find the invocation by its
service client; one that is not ours, such as Lambda's own, is left alone.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import count
from typing import Any

from aws_durable_execution_sdk_python.concurrency.executor import ConcurrentExecutor
from aws_durable_execution_sdk_python.config import NestingType
from aws_durable_execution_sdk_python.context import DurableContext
from aws_durable_execution_sdk_python.identifier import OperationIdentifier, OperationIdNamespace
from aws_durable_execution_sdk_python.operation.invoke import InvokeOperationExecutor
from aws_durable_execution_sdk_python.state import ExecutionState

from agent.durable.given import items_of_map, items_of_parallel
from agent.durable.replay import Replay, ReplayingClient

_map = DurableContext.map
_parallel = DurableContext.parallel
_replay_aware = DurableContext._replay_aware
_branch_identifier = ConcurrentExecutor._get_iteration_operation_identifier
_check_invoke = InvokeOperationExecutor.check_result_status
_context_ends = ExecutionState.emit_child_context_end_hook
