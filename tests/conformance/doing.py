"""What the workflows of requirements are made of."""

from collections.abc import Callable
from typing import Any

from aws_durable_execution_sdk_python import StepContext
from aws_durable_execution_sdk_python.config import Duration, JitterStrategy, StepConfig
from aws_durable_execution_sdk_python.retries import (
    RetryPresets,
    RetryStrategyConfig,
    create_retry_strategy,
)
from aws_durable_execution_sdk_python.serdes import SerDes, SerDesContext

#: Anything that JSON writes; and what the SDK leaves untyped.
Value = Any

ONCE = StepConfig(retry_strategy=RetryPresets.none())


class TransientError(Exception):
    """Passes by itself."""


class Upper(SerDes[str]):
    """Writes texts in capitals, as they are otherwise."""

    def serialize(self, value: str, _: SerDesContext) -> str:
        """Write it."""
        return value.upper()

    def deserialize(self, data: str, _: SerDesContext) -> str:
        """Read it."""
        return data


class Wrapped(SerDes[str]):
    """Writes texts with a word before them, and takes it off again."""

    def serialize(self, value: str, _: SerDesContext) -> str:
        """Write it."""
        return f"wrapped:{value}"

    def deserialize(self, data: str, _: SerDesContext) -> str:
        """Read it."""
        return data.removeprefix("wrapped:")


def seconds(number: int) -> Duration:
    """Give a duration."""
    return Duration.from_seconds(number)


def value(result: Value) -> Callable[..., Value]:
    """Give a function that does nothing but return."""
    return lambda *_: result


def failing(message: str = "no", kind: type[Exception] = ValueError) -> Callable[..., Value]:
    """Give a function that raises."""

    def work(*_: object) -> None:
        raise kind(message)

    return work


def failing_until(
    attempt: int,
    result: Value,
    kind: type[Exception] = RuntimeError,
) -> Callable[[StepContext], Value]:
    """Give a step that raises in its tries before one."""

    def work(step: StepContext) -> Value:
        if step.attempt < attempt:
            msg = f"try {step.attempt}"
            raise kind(msg)
        return result

    return work


def retried(attempts: int, *, delay: int = 1, rate: float = 1, **given: Value) -> StepConfig:
    """Give the configuration of a step that is tried some times, with no jitter."""
    strategy = RetryStrategyConfig(
        max_attempts=attempts,
        initial_delay=seconds(delay),
        backoff_rate=rate,
        jitter_strategy=JitterStrategy.NONE,
        **given,
    )
    return StepConfig(retry_strategy=create_retry_strategy(strategy))
