"""A clock that goes by itself, and can be moved on: nobody waits for a lease or a timer."""

from datetime import UTC, datetime, timedelta


class LeapingClock:
    """The real time, and what was leapt over."""

    def __init__(self) -> None:
        self._leapt = timedelta(0)

    def __call__(self) -> datetime:
        """Tell the time."""
        return datetime.now(UTC) + self._leapt

    def leap_to(self, at: datetime) -> None:
        """Move on to an instant; one that has passed changes nothing."""
        self._leapt += max(timedelta(0), at - self())
