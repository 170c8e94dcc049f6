"""Waiting out a journal that does not answer for a moment."""

import itertools
import logging
import threading
from collections.abc import Callable, Iterator
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
        seconds: How long the pauses may be in all; 0 tries once.
        stop: Ends the waiting when set: who is stopping has little time.

    Returns:
        What `call` returned.

    Raises:
        JournalUnavailableError: The journal still does not answer.
    """
    pauses = stop or threading.Event()
    for delay in _delays(seconds):
        try:
            return call()
        except JournalUnavailableError as error:
            logger.warning("journal did not answer", extra={"error": str(error)})
            if pauses.wait(delay):
                raise
    return call()


def _delays(seconds: float) -> Iterator[float]:
    """Give pauses, doubling, that add up to no more than `seconds`."""
    spent = 0.0
    for doubling in itertools.count():
        delay = min(_FIRST_DELAY_SECONDS * 2**doubling, _LONGEST_DELAY_SECONDS)
        spent += delay
        if spent > seconds:
            return
        yield delay
