"""How the durable SDK batches what it checkpoints, fitted to a journal that is at hand.

The SDK (3.0.0) is made for a service across a network, where a request costs more than a pause:

- A batch whose caller waits for it lingers a millisecond, lest a sibling has something to add.
  Here that is most of a step's time. What is queued already still goes along.
- The end of an invocation is noticed by a poll, up to 0.1 s late: at each park and each resume.
- An operation that does not fit into a batch is put aside for the next one, which asks the same
  again: one larger than a whole batch (750 KB) is put aside for ever, and the workflow hangs in
  its step. The service takes no such operations; our journal does.
"""

from aws_durable_execution_sdk_python import state

_fits = state._BatchAccumulator.fits
_read_timeout = state.ExecutionState._read_timeout
_stop_checkpointing = state.ExecutionState.stop_checkpointing


def fit_batches() -> None:
    """Batch for our journal from now on; may be called any number of times."""
    state._BatchAccumulator.fits = _takes  # type: ignore[method-assign,assignment]
    state.ExecutionState._read_timeout = _linger  # type: ignore[method-assign,assignment]
    state.ExecutionState.stop_checkpointing = _stop  # type: ignore[method-assign,assignment]


def _takes(batch: state._BatchAccumulator, size: int) -> bool:
    return batch.is_empty() or _fits(batch, size)


def _linger(
    execution: state.ExecutionState, batch: state._BatchAccumulator, now: float, deadline: float
) -> float:
    if batch.has_blocked_caller and execution._checkpoint_queue.empty():
        return 0.0
    return _read_timeout(execution, batch, now, deadline)


def _stop(execution: state.ExecutionState) -> None:
    _stop_checkpointing(execution)
    # The collector looks at every signal, and before the next at whether it is to stop.
    execution._checkpoint_queue.put(state._Signal.REFRESH_WAKE)
