"""Letting the durable SDK send an operation that is larger than a batch of its may be.

The SDK (3.0.0) puts an operation that does not fit into a batch aside for the next one, and there
asks the same again: one that is larger than a whole batch (750 KB) is put aside for ever, and the
workflow hangs in its step. The service takes no such operations; our journal does.
"""

from aws_durable_execution_sdk_python import state

_fits = state._BatchAccumulator.fits


def take_large_operations() -> None:
    """Make an empty batch take an operation of any size; may be called any number of times."""
    state._BatchAccumulator.fits = _takes  # type: ignore[method-assign,assignment]


def _takes(batch: state._BatchAccumulator, size: int) -> bool:
    return batch.is_empty() or _fits(batch, size)
