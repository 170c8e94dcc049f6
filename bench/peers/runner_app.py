"""AWS's local runner of durable functions: `runner_app.py memory|sqlite FOLDER COUNT`.

Runs a workflow of trivial steps twice, and prints when each step of the second was entered, in
seconds, as a JSON array.
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


def main() -> None:
    """Do what the command line names."""
    kind, folder, count = sys.argv[1:4]
    store = (
        SQLiteExecutionStore.create_and_initialize(Path(folder) / "runner.db")
        if kind == "sqlite"
        else InMemoryExecutionStore()
    )
    with DurableFunctionTestRunner(handler=_steps, store=store) as runner:
        runner.run(input=count)
        print(runner.run(input=count).result)


main()
