"""Context variables in the threads of the durable SDK.

A workflow runs in a thread that the SDK (3.0.0) makes, and each branch of a map in another. Unless
it has plugins, which belong to the handler's author, it drops the context variables on the way:
the run that log lines are of, the span that others are children of, the ids of the request. So its
pools carry them, as it does itself for plugins.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, ParamSpec, TypeVar

from aws_durable_execution_sdk_python import execution
from aws_durable_execution_sdk_python.concurrency import executor

P = ParamSpec("P")
T = TypeVar("T")


class CarryingPool(ThreadPoolExecutor):
    """Threads that work in the context of whoever asked for the work."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """See `ThreadPoolExecutor.submit`."""
        work = partial(fn, *args, **kwargs)
        return super().submit(copy_context().run, work)


def carry_context() -> None:
    """Carry it from now on; may be called any number of times."""
    modules: tuple[Any, Any] = (execution, executor)
    for module in modules:
        module.ThreadPoolExecutor = CarryingPool
