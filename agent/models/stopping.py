"""Letting go of a model that is silent when the attempt must stop."""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

from strands.models import Model
from strands.types.streaming import StreamEvent

#: How long a stop may go unnoticed while a provider sends nothing.
POLL_SECONDS = 0.1


class Interruptible(Model):
    """A provider whose stream ends when the cancel signal is set, whatever the server does.

    Strands looks at the signal between two events only, and a server may think for minutes before
    the first. Mix in before a provider that does not watch the signal by itself.
    """

    async def stream(
        self,
        *args: Any,  # noqa: ANN401 - passed on as they are
        cancel_signal: threading.Event | None = None,
        **kwargs: Any,  # noqa: ANN401 - passed on as they are
    ) -> AsyncGenerator[StreamEvent, None]:
        """See `strands.models.Model.stream`."""
        events = super().stream(  # type: ignore[safe-super] # mixed in: the provider comes next
            *args, cancel_signal=cancel_signal, **kwargs
        )
        async for event in until_set(events, cancel_signal or threading.Event()):
            yield event


async def until_set(
    events: AsyncIterable[StreamEvent], signal: threading.Event
) -> AsyncGenerator[StreamEvent, None]:
    """Pass events on until they end or the signal is set, also in the middle of a wait."""
    stream = aiter(events)
    while True:
        step = asyncio.ensure_future(anext(stream, None))
        try:
            while not step.done() and not signal.is_set():
                await asyncio.wait({step}, timeout=POLL_SECONDS)
        finally:
            # Cancelling the wait closes the provider's connection: nothing is left half read.
            if not step.done():
                step.cancel()
                await asyncio.wait({step})
        if step.cancelled() or (event := step.result()) is None:
            return
        yield event
