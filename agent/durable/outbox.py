"""What an invocation has yet to checkpoint, and who sends it, where the journal is at hand.

The durable SDK (3.0.0) is made for a service across a network. A thread of its own sends what all
others queue, and they wait for it: each step wakes a thread up twice, and a batch whose caller
waits lingers a millisecond, lest a sibling has something to add. Here that is most of a step's
time. So whoever waits for a checkpoint sends it, with all that is queued. The SDK's thread is left
what nobody waits for: timers, and the start of a step that is still being worked on.

The SDK also puts an operation aside for the next batch if it does not fit into this one: one larger
than a whole batch (750 KB) for ever. The service takes no such operations; our journal does.
"""

import queue
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any

from aws_durable_execution_sdk_python import state
from aws_durable_execution_sdk_python.state import ExecutionState, QueuedOperation
from aws_durable_execution_sdk_python.threading import CompletionEvent

#: How long what nobody waits for is kept back, so that it goes along with something that is
#: waited for: a short step's start with its end, in one transaction. No longer than people who
#: watch a run would notice.
_LINGER_SECONDS = 0.25

_init = ExecutionState.__init__
_send_batches = ExecutionState.checkpoint_batches_forever
_collect = ExecutionState._collect_checkpoint_batch
_stop = ExecutionState.stop_checkpointing


class StoreAtHand:
    """Marks a service client whose store answers sooner than a thread wakes up."""


def use_outbox() -> None:
    """Send for stores at hand as told above from now on; may be called any number of times."""
    sdk: Any = state
    sdk.CompletionEvent = _Awaited
    execution: Any = ExecutionState
    execution.__init__ = _with_outbox
    execution.checkpoint_batches_forever = _send_in_background
    execution._collect_checkpoint_batch = _collect_once
    execution.stop_checkpointing = _stop_at_once


class Outbox:
    """Stands where the SDK has its queue, in one invocation. Safe to share by threads."""

    def __init__(self, execution: ExecutionState) -> None:
        self._execution = execution
        self._queued: deque[QueuedOperation] = deque()
        #: When the first of what is queued was.
        self._since = 0.0
        #: Held by the thread that sends: nobody overtakes what is on its way.
        self._sending = threading.Lock()
        self._is_collected = False
        #: Set when the SDK's thread has something to look at: a timer, or the end.
        self._woken = threading.Event()

    def put(self, item: QueuedOperation | state._Signal) -> None:
        """Queue an update. No thread is woken for it."""
        if isinstance(item, state._Signal):
            self._woken.set()
            return
        if not self._queued:
            self._since = time.monotonic()
        self._queued.append(item)
        if isinstance(item.completion_event, _Awaited):
            item.completion_event.outbox = self

    def empty(self) -> bool:
        """Say whether nothing is queued."""
        return not self._queued

    def get_nowait(self) -> QueuedOperation:
        """Take what was queued first.

        Raises:
            Empty: Nothing is queued.
        """
        try:
            return self._queued.popleft()
        except IndexError:
            raise queue.Empty from None

    def collect(self) -> list[QueuedOperation]:
        """Take a batch; the SDK asks for it under `_sending`."""
        if self._is_collected:
            raise _SentError
        self._is_collected = True
        batch = state._BatchAccumulator(self._execution._batcher_config)
        with suppress(queue.Empty):
            while not batch.is_full():
                batch.add(self.get_nowait())
        self._execution._add_due_refreshes(batch, time.time())
        return batch.operations

    def send_what_nobody_waits_for(self) -> None:
        """Be the SDK's thread, until the invocation ends."""
        execution = self._execution
        while not execution._checkpointing_stopped.is_set():
            left = self._seconds_left()
            if left > 0:
                self._woken.wait(left)
                if self._woken.is_set():
                    self._woken.clear()
                    execution._consume_refresh_wake()
                continue
            with self._sending:
                self._send()

    def send_rest(self) -> None:
        """Send what is queued at the end: a step that was entered is to be seen in the history."""
        with self._sending:
            if self._queued:
                self._send()

    def deliver(self, event: CompletionEvent) -> None:
        """Send what is queued, until a checkpoint is done; whoever sends now may take it along."""
        execution = self._execution
        with self._sending:
            while not event.is_set() and not execution._checkpointing_stopped.is_set():
                self._send()

    def _send(self) -> None:
        """Have the SDK send one batch: what it does about the answer, or an error, is its own."""
        self._is_collected = False
        with suppress(_SentError):
            _send_batches(self._execution)

    def _seconds_left(self) -> float:
        """Give how long the SDK's thread has nothing to send."""
        left = _LINGER_SECONDS
        if self._queued:
            left += self._since - time.monotonic()
        timer = self._execution._seconds_until_next_refresh(time.time())
        return left if timer is None else min(left, timer)


class _Awaited(CompletionEvent):
    """The SDK's event of a checkpoint that somebody waits for."""

    #: Where the checkpoint is queued, if whoever waits is to send it.
    outbox: Outbox | None = None

    def wait(self, timeout: float | None = None) -> bool:
        """See `CompletionEvent.wait`; the SDK holds no lock when it calls this."""
        if self.outbox is not None:
            self.outbox.deliver(self)
        return super().wait(timeout)


class _SentError(Exception):
    """A batch has been sent, and whoever sent it has no more to do."""


def _with_outbox(execution: ExecutionState, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the SDK's
    _init(execution, *args, **kwargs)
    if isinstance(execution._service_client, StoreAtHand):
        box: Any = Outbox(execution)
        execution._checkpoint_queue = box


def _outbox_of(execution: ExecutionState) -> Outbox | None:
    box: Any = execution._checkpoint_queue
    return box if isinstance(box, Outbox) else None


def _send_in_background(execution: ExecutionState) -> None:
    if (box := _outbox_of(execution)) is not None:
        box.send_what_nobody_waits_for()
    # For an outbox the invocation is over by now: what is left is to release who waits for timers.
    _send_batches(execution)


def _collect_once(execution: ExecutionState) -> list[QueuedOperation]:
    box = _outbox_of(execution)
    return _collect(execution) if box is None else box.collect()


def _stop_at_once(execution: ExecutionState) -> None:
    if (box := _outbox_of(execution)) is None:
        _stop(execution)
        return
    box.send_rest()
    _stop(execution)
    # The SDK's thread would notice with its next look, that much later: at each park and resume.
    box.put(state._Signal.REFRESH_WAKE)
