"""What maps and parallels have in common: items that succeed or fail, and how they add up."""

from collections.abc import Callable, Sequence

from aws_durable_execution_sdk_python import (
    BatchItemStatus,
    BatchResult,
    CompletionDecision,
    CompletionOutcome,
    CompletionStatus,
    DurableContext,
    complete_batch,
    continue_batch,
)
from aws_durable_execution_sdk_python.concurrency.models import BatchItem, CompletionReason
from aws_durable_execution_sdk_python.config import (
    CompletionConfig,
    MapConfig,
    ParallelConfig,
)
from aws_durable_execution_sdk_python.serdes import SerDes, SerDesContext

from tests.conformance.doing import Value

Batch = BatchResult[Value]
Projection = Callable[[Batch], Value]

#: No failure is one too many.
FAIL_FAST = CompletionConfig(tolerated_failure_count=0)


class Joined(SerDes[Batch]):
    """Writes a batch as the texts it came to, and reads it so."""

    def serialize(self, value: Batch, _: SerDesContext) -> str:
        """Write it."""
        return f"joined:{','.join(value.get_results())}"

    def deserialize(self, data: str, _: SerDesContext) -> Batch:
        """Read it."""
        texts = data.removeprefix("joined:").split(",")
        items = [
            BatchItem(index=index, status=BatchItemStatus.SUCCEEDED, result=text)
            for index, text in enumerate(texts)
        ]
        return BatchResult(all=items, completion_reason=CompletionReason.ALL_COMPLETED)


def results(batch: Batch) -> list[Value]:
    """Give the results, in order."""
    return list(batch.get_results())


def counts(batch: Batch) -> list[Value]:
    """Tell why a batch is over, what it is, and how many of its items succeeded and failed."""
    return [
        batch.completion_reason.value,
        batch.status.value,
        batch.success_count,
        batch.failure_count,
        batch.total_count,
    ]


def rethrown(batch: Batch) -> list[Value]:
    """Raise what failed."""
    batch.throw_if_error()
    return results(batch)


def outcome(item: Value) -> Value:
    """Give an item back; one that is called bad raises."""
    if isinstance(item, str) and item.startswith("bad"):
        raise ValueError(item)
    return item


def mapped(
    project: Projection = results,
    work: Callable[..., Value] = lambda _child, item, *_: outcome(item),
    *,
    name: str | None = None,
    max_concurrency: int | None = 1,
    **config: Value,
) -> Value:
    """Map over what is given, one after the other unless it is said."""
    chosen = MapConfig[Value](max_concurrency=max_concurrency, **config)
    return lambda given, context: project(context.map(given, work, name=name, config=chosen))


def parallel(
    project: Projection = results,
    branch: Callable[[DurableContext, Value], Value] = lambda _child, item: outcome(item),
    *,
    name: str | None = None,
    max_concurrency: int | None = 1,
    **config: Value,
) -> Value:
    """Run a branch for each that is given, one after the other unless it is said."""
    chosen = ParallelConfig(max_concurrency=max_concurrency, **config)

    def work(given: Sequence[Value], context: DurableContext) -> Value:
        branches = [lambda child, item=item: branch(child, item) for item in given]
        return project(context.parallel(branches, name=name, config=chosen))

    return work


def enough(number: int, *, fails: bool = False) -> CompletionConfig:
    """Complete a batch, as a success or a failure, when so many items have ended."""

    def decide(status: CompletionStatus) -> CompletionDecision:
        if status.completed_count < number:
            return continue_batch()
        return complete_batch(CompletionOutcome.FAILED if fails else CompletionOutcome.SUCCEEDED)

    return CompletionConfig(should_complete=decide)
