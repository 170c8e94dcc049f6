"""The threads beside an attempt: the heartbeat that keeps its lease, the watchdog that ends it."""

from collections.abc import Callable
from datetime import timedelta

from agent import threads
from agent.attempt import Attempt, StopReason
from agent.heartbeat import Heartbeat
from agent.watchdog import Watchdog
from runs.signals import Pulse


def supervise(
    attempt: Attempt,
    *,
    stall_after: timedelta,
    stop_grace: timedelta,
    let_go: Callable[[], None],
    pulse: Pulse | None = None,
) -> None:
    """Start an attempt's heartbeat and watchdog; both end when it is closed.

    Args:
        attempt: The attempt, just claimed.
        stall_after: How long it may go without a sign of life.
        stop_grace: How long it may take to come to an edge when it is told to stop.
        let_go: Concludes an attempt that did not stop; called once, if at all.
        pulse: Tells who waits for the run that it is worked on; None: nobody does.
    """

    def crashed(error: BaseException) -> None:
        # Without its heartbeat the attempt would work on under a lease that runs out.
        message = f"a thread that supervises the attempt crashed: {error!r}"
        attempt.request_stop(StopReason.JOURNAL_UNAVAILABLE, message)

    def unwatched(error: BaseException) -> None:
        # Nobody else would see that the attempt does not stop, and keeps its session busy.
        crashed(error)
        let_go()

    watchdog = Watchdog(attempt, stall_after=stall_after, stop_grace=stop_grace, let_go=let_go)
    name = attempt.session_id
    threads.start(f"heartbeat {name}", Heartbeat(attempt, pulse).run, on_crash=crashed)
    threads.start(f"watchdog {name}", watchdog.run, on_crash=unwatched)
