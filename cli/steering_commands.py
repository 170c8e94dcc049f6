"""The commands that steer a run that goes on: tell, pause, resume."""

import sys
import uuid
from typing import Annotated

import typer

from cli import environment, text
from cli.errors import CliError, UsageError
from cli.live_view import standing
from cli.options import AsJson, RunId, aimed
from cli.places import Aim, Place, place_for_reading
from cli.reader import RunReader
from cli.run_json import run_to_json
from cli.screen import Screen, now
from cli.told_view import tell_to_json
from cli.who import origin, person_name
from runs.errors import InvalidRequestError
from runs.run import Run, Status
from runs.told import MAX_TEXT_BYTES, Tell

_By = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Who you are.", show_default="your user's name"),
]
#: What the timeline and the head are to hold.
_MAX_REASON = 1_000


@aimed
def tell(  # noqa: PLR0913 - each is an option
    aim: Aim,
    given: RunId,
    words: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help=f"What to say, of at most {MAX_TEXT_BYTES:,} bytes; '-' reads it from standard "
            "input.",
            show_default=False,
        ),
    ],
    *,
    agent: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Which agent is told.",
            show_default="the one that comes to an edge first",
        ),
    ] = None,
    by: _By = None,
    as_json: AsJson = False,
) -> None:
    """Tell an agent of a run something, as words of its user, before its next model call.

    It is told once, whatever dies on the way. A run that waits is not woken: the message waits
    with it. An agent that has just answered goes on with it. `errand show` says what became of it.
    Ends with 1 if the run has ended.

    For example:

        errand tell last "Leave out the networking costs."

        errand tell 3f2a --agent writer - < notes.txt
    """
    screen = Screen.of_process()
    place = place_for_reading(aim, environment.home())
    session_id = place.reader().find(given).session_id
    message = _message(words, agent=agent, by=by)
    told = place.helm().tell(session_id, message)
    run = _read(place, session_id)
    if as_json:
        screen.show_json(tell_to_json(told, run))
    screen.say(f"message {told.number} for run {session_id}: {_what_becomes_of_it(told, run)}")


@aimed
def pause(
    aim: Aim,
    given: RunId,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the timeline.")] = "",
    by: _By = None,
    as_json: AsJson = False,
) -> None:
    """Have a run do nothing until `errand resume`: no time and no answer wakes it.

    A model call, a tool or a step that is begun comes to its end before the run gives up its
    machine. The runs that it started are paused, and resumed, with it. Deadlines still count.
    Pausing twice is once.
    Ends with 1 if the run has ended.

    For example:

        errand pause last --reason "The budget is under review."
    """
    if len(reason) > _MAX_REASON:
        msg = f"--reason has {len(reason):,} characters, expected at most {_MAX_REASON:,}"
        raise UsageError(msg)
    screen = Screen.of_process()
    place = place_for_reading(aim, environment.home())
    session_id = place.reader().find(given).session_id
    place.helm().pause(
        session_id, by=person_name(by), origin=origin(), reason=text.one_line(reason)
    )
    run = _read(place, session_id)
    if as_json:
        screen.show_json(run_to_json(run))
    if run.status is Status.BUSY:
        screen.say(
            f"asked the worker of run {session_id}; it leaves the run when what is begun is done"
        )
    else:
        screen.say(f"run {session_id} is {standing(run)}")
    screen.say(f"`errand resume {session_id}` lets it go on", style="dim")


@aimed
def resume(aim: Aim, given: RunId, *, by: _By = None, as_json: AsJson = False) -> None:
    """Let a paused run go on, at once, and those that were paused with it.

    One that is not paused is left alone.

    Ends with 1 if the run has ended.

    For example:

        errand resume last
    """
    screen = Screen.of_process()
    place = place_for_reading(aim, environment.home())
    before = place.reader().find(given)
    session_id = before.session_id
    place.helm().resume(session_id, by=person_name(by), origin=origin())
    run = _read(place, session_id)
    if as_json:
        screen.show_json(run_to_json(run))
    if before.pause is None:
        screen.say(f"run {session_id} was not paused: it is {standing(run)}")
    else:
        screen.say(f"run {session_id} goes on; `errand watch {session_id}` shows it")


def _message(words: str, *, agent: str | None, by: str | None) -> Tell:
    said = _standard_input() if words == "-" else words
    try:
        return Tell(
            tell_id=str(uuid.uuid4()),
            text=said,
            by=person_name(by),
            origin=origin(),
            agent=agent,
            told_at=now(),
        )
    except InvalidRequestError as error:
        named = {"text": "TEXT", "agent": "--agent"}.get(error.field, error.field)
        msg = f"{named} {str(error).removeprefix(f'{error.field}: ')}"
        raise UsageError(msg) from error


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError as error:
        msg = f"standard input is no text in UTF-8: {error.reason} at {error.start}"
        raise UsageError(msg) from error


def _read(place: Place, session_id: str) -> Run:
    reader: RunReader = place.reader()
    run = reader.get(session_id)
    if run is None:
        msg = f"run {session_id} is no longer in {place.name}"
        raise CliError(msg)
    return run


def _what_becomes_of_it(told: Tell, run: Run) -> str:
    whom = told.agent or "an agent"
    if run.pause is not None:
        return f"{whom} gets it when the run, {run.pause.words}, is resumed"
    if run.status is Status.WAITING:
        waiting_for = text.one_line(run.waiting_for or "a worker")
        return f"{whom} gets it when the run goes on; it waits for {waiting_for}, and is not woken"
    return f"{whom} gets it before its next model call"
