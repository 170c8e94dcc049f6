"""The commands that make something happen to runs: run, send, cancel."""

from dataclasses import dataclass
from typing import Annotated

import typer

from cli import environment
from cli.errors import CliError, ExitCode
from cli.follow import follow_on
from cli.options import AsJson, IsPlain, RunId, aimed, aimed_wish
from cli.places import Aim, StackPlace, place_for_reading, place_for_sending
from cli.request import Wish, request_of
from cli.run_json import run_to_json
from cli.screen import Screen
from cli.until_end import exit_code_of, tell_outcome, watch_to_end
from local.home import Home
from runs.request import DEFAULT_WORKFLOW
from runs.run import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """A request that was sent."""

    place: StackPlace
    session_id: str
    #: Whether the local stack was brought up for it.
    is_stack_new: bool


@aimed_wish
def run(
    aim: Aim,
    wish: Wish,
    *,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Don't wait for the end.")] = False,
    plain: IsPlain = False,
    as_json: AsJson = False,
) -> None:
    """Send a request and watch its run to the end; start the local stack if it is down.

    Ends with 0 if the run is COMPLETED, with 1 if FAILED or TIMED_OUT, with 3 if CANCELLED.
    Ctrl-C leaves the run alone and ends with 130.

    For example:

        errand run

        errand run cost-analysis --input bill.csv.gz --prompt "Why did EC2 grow?"

        errand run --json | jq .result.headline
    """
    screen = Screen.of_process()
    sent = _send(aim, wish, screen=screen)
    if detach:
        _tell_sent(sent, screen=screen, as_json=as_json)
        return
    screen.say(f"sent to {sent.place.name}: run {sent.session_id}", style="dim")
    console = screen.err if as_json else screen.out
    ended = watch_to_end(
        sent.place,
        sent.session_id,
        follow=follow_on(console, is_plain=plain),
        advice=sent.place.advice(),
    )
    if as_json:
        screen.show_json(run_to_json(ended))
    else:
        tell_outcome(ended, screen, sent.place)
    _tell_left_up(sent, screen=screen)
    raise typer.Exit(exit_code_of(ended))


@aimed_wish
def send(aim: Aim, wish: Wish, *, as_json: AsJson = False) -> None:
    """Send a request, print its run's id and don't wait; start the local stack if it is down.

    Sending the same --session-id or --idempotency-key again makes no second run.

    For example:

        errand send --input bill.csv

        errand watch $(errand send --idempotency-key bill-2026-01)
    """
    screen = Screen.of_process()
    _tell_sent(_send(aim, wish, screen=screen), screen=screen, as_json=as_json)


@aimed
def cancel(
    aim: Aim,
    given: RunId,
    *,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why, for the timeline.")
    ] = "asked for with `errand cancel`",
    as_json: AsJson = False,
) -> None:
    """End a run: at once if it waits, at its worker's next edge if somebody works on it.

    Ends with 1 if the run had ended otherwise before.
    """
    screen = Screen.of_process()
    place = place_for_reading(aim, environment.home())
    reader = place.reader()
    session_id = reader.find(given).session_id
    place.cancel(session_id, reason=reason)
    cancelled = reader.get(session_id)
    if cancelled is None:
        msg = f"run {session_id} is no longer in {place.name}"
        raise CliError(msg)
    if as_json:
        screen.show_json(run_to_json(cancelled))
    if cancelled.status is Status.CANCELLED:
        screen.say(f"run {session_id} is CANCELLED")
    elif cancelled.status.is_terminal:
        screen.say(f"run {session_id} had ended before: {cancelled.status}")
        raise typer.Exit(ExitCode.FAILED)
    else:
        screen.say(
            f"asked the worker of run {session_id}; `errand watch {session_id}` shows it end"
        )


def _send(aim: Aim, wish: Wish, *, screen: Screen) -> _Sent:
    home = environment.home()
    place = place_for_sending(aim, home)
    detail = request_of(wish, is_remote=place.is_remote)
    is_stack_new = not place.is_remote and _brought_up(home, screen)
    if detail["workflow"] == DEFAULT_WORKFLOW and "input" not in detail:
        screen.say(f"no --input: {DEFAULT_WORKFLOW} takes the sample bill", style="dim")
    place.send(detail)
    return _Sent(place=place, session_id=str(detail["session_id"]), is_stack_new=is_stack_new)


def _brought_up(home: Home, screen: Screen) -> bool:
    from cli.bringing_up import bring_up, model_note  # noqa: PLC0415 - it imports boto3

    state, is_new = bring_up(home, agent_port=environment.agent_port(None), screen=screen)
    if note := model_note(state):
        screen.say(note, style="yellow")
    return is_new


def _tell_sent(sent: _Sent, *, screen: Screen, as_json: bool) -> None:
    if as_json:
        screen.show_json({"session_id": sent.session_id})
    else:
        screen.out.file.write(f"{sent.session_id}\n")
        screen.out.file.flush()
    screen.say(f"`errand watch {sent.session_id}` shows it", style="dim")
    _tell_left_up(sent, screen=screen)


def _tell_left_up(sent: _Sent, *, screen: Screen) -> None:
    if sent.is_stack_new:
        screen.say("the local stack is still up; `errand down` stops it", style="dim")
