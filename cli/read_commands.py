"""The commands that read runs: list, show, watch, result."""

from typing import Annotated

import typer

from cli import environment
from cli.errors import UnfinishedRunError
from cli.follow import follow_as_json, follow_on
from cli.options import AsJson, IsPlain, RunId, aimed
from cli.places import Aim, Place, place_for_reading
from cli.reader import is_whole_id
from cli.run_json import history_to_json, run_to_json
from cli.run_view import list_view, show_view
from cli.screen import Screen, look_of, now
from cli.until_end import exit_code_of, tell_outcome, watch_to_end
from runs.run import Status


@aimed
def list_runs(
    aim: Aim,
    *,
    status: Annotated[
        Status | None,
        typer.Option(case_sensitive=False, help="Only runs that are in it.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List runs, those that changed last first.

    For example:

        errand list --status BUSY

        errand list --json -n 100 | jq '.[] | select(.cost_usd > 1) | .session_id'
    """
    screen = Screen.of_process()
    place = _place(aim, screen)
    runs = place.reader().newest(limit, status=status)
    if as_json:
        screen.show_json([run_to_json(run) for run in runs])
    elif runs:
        screen.show(list_view(runs, look_of(screen.out)))
    else:
        which = f"run that is {status} " if status else "run "
        screen.say(f"no {which}in {place.name} yet; `errand run` starts one")


@aimed
def show(aim: Aim, given: RunId, *, as_json: AsJson = False) -> None:
    """Show one run: its state, its worker, its files and everything that happened.

    For example:

        errand show last

        errand show 3f2a --json | jq '.events[].EventType'
    """
    screen = Screen.of_process()
    reader = _place(aim, screen).reader()
    run = reader.find(given)
    events = reader.events(run.session_id)
    # For this command only.
    from cli.infrastructure import infrastructure_of  # noqa: PLC0415

    infrastructure = infrastructure_of(run, [each.event for each in events], now=now())
    if not as_json:
        is_begun_anew = run.retries or run.forked_from is not None
        known = reader.operations(run.session_id) if is_begun_anew else None
        tells = reader.tells(run)
        look = look_of(screen.out)
        pages = {} if run.status.is_terminal else reader.pages(run, look.now)
        view = show_view(
            run,
            events,
            look,
            operations=known,
            tells=tells,
            pages=pages,
            infrastructure=infrastructure,
        )
        screen.show(view)
        return
    operations = reader.operations(run.session_id)
    screen.show_json(
        history_to_json(
            run,
            events=events,
            operations=operations,
            tells=reader.tells(run),
            infrastructure=None if infrastructure is None else infrastructure.to_json(),
        )
    )


@aimed
def watch(aim: Aim, given: RunId, *, plain: IsPlain = False, as_json: AsJson = False) -> None:
    """Watch a run to its end. Ctrl-C leaves it alone.

    Ends as `errand run` does. With --json each event is one line of JSON.
    """
    screen = Screen.of_process()
    place = _place(aim, screen)
    reader = place.reader()
    # A whole id is watched as it is: its run may have been sent a moment ago.
    session_id = given if is_whole_id(given) else reader.find(given).session_id
    follow = follow_as_json(screen) if as_json else follow_on(screen.out, is_plain=plain)
    ended = watch_to_end(place, session_id, follow=follow)
    if not as_json:
        tell_outcome(ended, screen, place)
    raise typer.Exit(exit_code_of(ended))


@aimed
def result(aim: Aim, given: RunId, *, as_json: AsJson = False) -> None:
    """Print what a run found, and where its files are.

    Ends as `errand run` does, and with 5 if the run has not ended yet.
    """
    screen = Screen.of_process()
    place = _place(aim, screen)
    run = place.reader().find(given)
    if not run.status.is_terminal:
        raise UnfinishedRunError(run.session_id, status=run.status)
    if as_json:
        screen.show_json(run_to_json(run))
    else:
        tell_outcome(run, screen, place)
    raise typer.Exit(exit_code_of(run))


def _place(aim: Aim, screen: Screen) -> Place:
    place = place_for_reading(aim, environment.home())
    if not place.is_usual:
        screen.say(f"reading {place.name}", style="dim")
    return place
