"""Watching a run to its end, and what its end means to whoever called."""

from collections.abc import Iterator, Sequence

from cli.errors import DetachedError, ExitCode, UnreachableError
from cli.follow import Follow
from cli.places import Place
from cli.run_view import outcome_lines
from cli.scene import Scene
from cli.screen import Screen, look_of, now
from cli.watching import Watcher
from runs.receipt import Receipt, receipt
from runs.run import Run, Status
from runs.told import Tell


def watch_to_end(
    place: Place, session_id: str, *, follow: Follow, advice: str | None = None
) -> Run:
    """Show a run until it has ended, and give its head.

    Args:
        place: Where the run is.
        session_id: The run; it need not have been accepted yet.
        follow: Shows it.
        advice: Where to look if it is never accepted.

    Raises:
        DetachedError: Ctrl-C was pressed; the run goes on.
        UnreachableError: The journal did not answer for too long.
    """
    watcher = Watcher(place=place, session_id=session_id, clock=now)
    if advice:
        watcher.advice = advice
    last: list[Scene] = []
    try:
        follow(_remembering(watcher.scenes(), last))
    except KeyboardInterrupt:
        raise DetachedError(session_id) from None
    run = last[-1].run
    assert run is not None, "the last scene is that of an ended run"  # noqa: S101 - for the type
    return run


def tell_outcome(run: Run, screen: Screen, place: Place) -> None:
    """Print how a run ended, what replay saved it, what it found and where its files are."""
    tells = _tells(run, place)
    for line in outcome_lines(run, look_of(screen.out), _receipt(run, place), tells=tells):
        screen.show(line)


def _tells(run: Run, place: Place) -> Sequence[Tell]:
    try:
        return place.reader().tells(run)
    except UnreachableError:
        return ()


def _receipt(run: Run, place: Place) -> Receipt | None:
    if run.attempt == 1:
        # Replay had nothing to save: not worth reading the timeline.
        return None
    try:
        events = place.reader().events(run.session_id)
    except UnreachableError:
        # How the run ended is known, and is what was asked for.
        return None
    return receipt(run, (recorded.event for recorded in events))


def exit_code_of(run: Run) -> ExitCode:
    """Give the exit code that tells how a run ended."""
    match run.status:
        case Status.COMPLETED:
            return ExitCode.OK
        case Status.CANCELLED:
            return ExitCode.CANCELLED
        case Status.FAILED | Status.TIMED_OUT:
            return ExitCode.FAILED
        case Status.QUEUED | Status.BUSY | Status.WAITING:
            return ExitCode.UNFINISHED


def _remembering(scenes: Iterator[Scene], last: list[Scene]) -> Iterator[Scene]:
    for scene in scenes:
        last[:] = [scene]
        yield scene
