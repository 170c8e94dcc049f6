"""Waiting out a journal that does not answer for a moment."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from runs.errors import JournalUnavailableError

logger = logging.getLogger(__name__)

_FIRST_DELAY_SECONDS = 0.05
_LONGEST_DELAY_SECONDS = 5.0

T = TypeVar("T")


def patiently(call: Callable[[], T], *, seconds: float, stop: threading.Event | None = None) -> T:
    """Call, and call again with growing pauses while the journal does not answer.

    Args:
        call: What to do; must be harmless when done twice, as an answer may be lost after a write.
        seconds: No call is begun later than so many seconds after the first; 0 calls once. It
            counts how long calls take: a journal that hangs holds up each until it times out.
        stop: Ends the waiting when set: who is stopping has little time.

    Returns:
        What `call` returned.

    Raises:
        JournalUnavailableError: The journal still does not answer.
    """
    pauses = stop or threading.Event()
    give_up_at = time.monotonic() + seconds
    delay = _FIRST_DELAY_SECONDS
    while True:
        try:
            return call()
        except JournalUnavailableError as error:
            if time.monotonic() + delay > give_up_at:
                raise
            logger.warning("journal did not answer", extra={"error": str(error)})
            if pauses.wait(delay):
                raise
        delay = min(delay * 2, _LONGEST_DELAY_SECONDS)
