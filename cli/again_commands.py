"""The commands that take up a run that has ended: retry and fork."""

from collections.abc import Iterable
from typing import Annotated

import typer

from cli import environment
from cli.errors import UsageError
from cli.follow import follow_on
from cli.options import AsJson, IsPlain, MaxCost, MaxSeconds, MaxTokens, RunId, aimed
from cli.places import Aim, Place, place_for_reading
from cli.request import checked, resolved_input
from cli.run_json import run_to_json
from cli.screen import Screen
from cli.until_end import exit_code_of, tell_outcome, watch_to_end
from runs.again import Retry
from runs.forking import Fork
from runs.json_types import Json
from runs.request import RunRequest
from runs.run import Run, Status

_Detach = Annotated[bool, typer.Option("--detach", "-d", help="Don't wait for the end.")]
_Deadline = Annotated[
    float | None,
    typer.Option(metavar="N", help="Seconds from now until it gives up; as many as before."),
]

_BY = "errand retry"


@aimed
def retry(  # noqa: PLR0913 - a command's options
    aim: Aim,
    given: RunId,
    *,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="STEP",
            help="Do everything from this step on again, finished or not: a name that `errand "
            "show` prints, or an id of `errand show --json`.",
            show_default=False,
        ),
    ] = None,
    deadline_seconds: _Deadline = None,
    max_tokens: MaxTokens = None,
    max_cost_usd: MaxCost = None,
    max_seconds: MaxSeconds = None,
    detach: _Detach = False,
    plain: IsPlain = False,
    as_json: AsJson = False,
) -> None:
    """Take up a run that FAILED, was CANCELLED or TIMED_OUT, and watch it to its end.

    Finished steps are not done again; what failed is. Limits given here take the place of its own.
    Ends as `errand run` does. Repeated, it comes back to the run.

    For example:

        errand retry last

        errand retry 3f2a --from report

        errand retry 3f2a --max-cost 5
    """
    screen = Screen.of_process()
    place = place_for_reading(aim, environment.home())
    run = place.reader().find(given)
    if run.status is Status.COMPLETED:
        msg = (
            f"run {run.session_id} is COMPLETED, and its result was announced; "
            f"`errand fork {run.session_id} --at STEP` makes a new run of it"
        )
        raise UsageError(msg)
    limits = _checked(
        run,
        deadline_seconds=deadline_seconds,
        max_tokens=max_tokens,
        max_cost_usd=max_cost_usd,
        max_seconds=max_seconds,
    )
    asked = Retry(by=_BY, start=start, deadline_seconds=deadline_seconds, budget=limits.budget)
    queued = place.operator().retry(run.session_id, asked)
    if not detach:
        screen.say(f"retry {queued.retries} of run {queued.session_id}", style="dim")
    _follow(queued, place, screen=screen, detach=detach, plain=plain, as_json=as_json)


@aimed
def fork(  # noqa: PLR0913 - a command's options
    aim: Aim,
    given: RunId,
    *,
    at: Annotated[
        str,
        typer.Option(
            metavar="STEP",
            help="The first step that is done anew: a name that `errand show` prints, or an id of "
            "`errand show --json`.",
            show_default=False,
        ),
    ],
    edit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Change what it begins with: 'prompt', 'input', or an earlier step's result as "
            "JSON. May be repeated.",
            show_default=False,
        ),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The same as --edit prompt=TEXT.")
    ] = None,
    input_: Annotated[
        str | None,
        typer.Option("--input", metavar="PATH|URL|WORD", help="The same as --edit input=…."),
    ] = None,
    session_id: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="The new run's id, 33 characters or more: forking twice is once."
        ),
    ] = None,
    deadline_seconds: _Deadline = None,
    max_tokens: MaxTokens = None,
    max_cost_usd: MaxCost = None,
    max_seconds: MaxSeconds = None,
    detach: _Detach = False,
    plain: IsPlain = False,
    as_json: AsJson = False,
) -> None:
    """Make a new run that begins with what another had finished before a step, and watch it.

    The other run must have ended, and stays as it is. Ends as `errand run` does.

    For example:

        errand fork last --at report

        errand fork 3f2a --at report --prompt "For the board, one page"

        errand fork 3f2a --at report --edit 'check-1={"findings": []}'
    """
    screen = Screen.of_process()
    place = place_for_reading(aim, environment.home())
    run = place.reader().find(given)
    changes = _changes([*(edit or ()), *_as_edits(prompt=prompt, input=input_)])
    if (changed := changes.get("input")) is not None:
        changes["input"] = resolved_input(changed, is_remote=place.is_remote)
    checked_request = _checked(
        run,
        prompt=changes.get("prompt"),
        input=changes.get("input"),
        session_id=session_id,
        deadline_seconds=deadline_seconds,
        max_tokens=max_tokens,
        max_cost_usd=max_cost_usd,
        max_seconds=max_seconds,
    )
    asked = Fork(
        session_id=checked_request.session_id,
        at=at,
        source="cli",
        prompt=changes.pop("prompt", None),
        input=changes.pop("input", None),
        results=changes,
        deadline_seconds=deadline_seconds,
        budget=checked_request.budget,
    )
    made = place.operator().fork(run.session_id, asked)
    if not detach:
        screen.say(f"fork of {run.session_id}: run {made.session_id}", style="dim")
    _follow(made, place, screen=screen, detach=detach, plain=plain, as_json=as_json)


def _checked(run: Run, **given: Json) -> RunRequest:
    """Check what is given as if a request gave it; what is left out is as the run has it."""
    fields = {name: value for name, value in given.items() if value is not None}
    return checked({"prompt": "as before", "workflow": run.workflow, **fields}, {run.workflow})


def _as_edits(**given: str | None) -> Iterable[str]:
    return (f"{name}={value}" for name, value in given.items() if value is not None)


def _changes(edits: Iterable[str]) -> dict[str, str]:
    changes: dict[str, str] = {}
    for edit in edits:
        key, is_there, value = edit.partition("=")
        if not key or not is_there:
            msg = f"--edit is {edit!r}, expected KEY=VALUE"
            raise UsageError(msg)
        if key in changes:
            msg = f"{key!r} is edited twice, expected once"
            raise UsageError(msg)
        changes[key] = value
    return changes


def _follow(  # noqa: PLR0913 - all but two of them keyword-only
    run: Run, place: Place, *, screen: Screen, detach: bool, plain: bool, as_json: bool
) -> None:
    """Watch a run that was begun again to its end, or tell its id."""
    if not place.is_usual:
        screen.say(f"the agent that writes {place.name} works on it, when it is up", style="dim")
    if detach:
        _tell_id(run, screen=screen, as_json=as_json)
        return
    console = screen.err if as_json else screen.out
    ended = watch_to_end(place, run.session_id, follow=follow_on(console, is_plain=plain))
    if as_json:
        screen.show_json(run_to_json(ended))
    else:
        tell_outcome(ended, screen, place)
    raise typer.Exit(exit_code_of(ended))


def _tell_id(run: Run, *, screen: Screen, as_json: bool) -> None:
    if as_json:
        screen.show_json({"session_id": run.session_id})
    else:
        screen.out.file.write(f"{run.session_id}\n")
        screen.out.file.flush()
    screen.say(f"`errand watch {run.session_id}` shows it", style="dim")
