"""AWS's local runner of durable functions: `runner_app.py steps|map memory|sqlite FOLDER COUNT`.

`steps` runs a workflow of trivial steps twice, and prints when each step of the second was entered,
in seconds, as a JSON array. `map` maps a step over as many items, and prints when the map was begun
and when it was over.
"""

import sys
import time
from pathlib import Path

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python_testing.runner import DurableFunctionTestRunner
from aws_durable_execution_sdk_python_testing.stores.memory import InMemoryExecutionStore
from aws_durable_execution_sdk_python_testing.stores.sqlite import SQLiteExecutionStore


@durable_execution
def _steps(event: int, context: DurableContext) -> list[float]:
    return [context.step(lambda _: time.perf_counter(), name=f"s{n}") for n in range(event)]


@durable_execution
def _map(event: int, context: DurableContext) -> list[float]:
    began = time.perf_counter()
    context.map(range(event), _branch, name="branches")
    return [began, time.perf_counter()]


def _branch(context: DurableContext, item: int, _index: int, _items: object) -> int:
    return context.step(lambda _: item, name="work")


_HANDLERS = {"steps": _steps, "map": _map}


def main() -> None:
    """Do what the command line names."""
    task, kind, folder, count = sys.argv[1:5]
    store = (
        SQLiteExecutionStore.create_and_initialize(Path(folder) / "runner.db")
        if kind == "sqlite"
        else InMemoryExecutionStore()
    )
    with DurableFunctionTestRunner(handler=_HANDLERS[task], store=store) as runner:
        runner.run(input=count)
        print(runner.run(input=count).result)


main()
