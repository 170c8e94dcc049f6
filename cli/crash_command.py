"""The command `crash-test`: kill a workflow's worker at every write, and compare how runs end."""

import re
import shlex
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import environment
from cli.errors import CliError, ExitCode, UsageError
from cli.options import AsJson
from cli.places import Aim, place_for_reading
from cli.request import REGISTRY, default_prompt, resolved_input
from cli.screen import Screen

if TYPE_CHECKING:
    from crash.kit import Plan
    from crash.subject import Subject

ALL = "all"
#: What a workflow is asked of which nobody knows what to ask.
_PROMPT = "Crash test."
#: `review={"decision": "approved"}`; JSON itself never begins like that.
_NAMED = re.compile(r"([A-Za-z_][\w.-]*)=(.*)", re.DOTALL)


class _Journal(StrEnum):
    SQLITE = "sqlite"
    DYNAMODB = "dynamodb"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """What was typed that a repetition must say again, and what a recording says in its place."""

    workflow: str | None
    prompt: str | None
    input: str | None
    registry: Path | None
    journal: _Journal
    model: str | None
    recording_from: str | None
    answers: Sequence[str]
    ignore: Sequence[str]

    def command(self) -> str:
        """Give the command line up to the points."""
        options = {
            "--prompt": self.prompt,
            "--input": self.input,
            "--registry": None if self.registry is None else str(self.registry),
            "--journal": None if self.journal is _Journal.SQLITE else self.journal.value,
            "--model": self.model,
            "--recording-from": self.recording_from,
        }
        words = ["errand", "crash-test", *([self.workflow] if self.workflow else [])]
        words += [word for name, value in options.items() if value for word in (name, value)]
        words += [word for each in self.answers for word in ("--answer", each)]
        words += [word for each in self.ignore for word in ("--ignore", each)]
        return shlex.join(words)


def crash_test(  # noqa: PLR0913 - each is an option
    workflow: Annotated[
        str | None, typer.Argument(help="Which workflow.", show_default=False)
    ] = None,
    *,
    input: Annotated[  # noqa: A002 - the option's name
        str | None,
        typer.Option(metavar="PATH|URL|WORD", help="What it works on, as of `errand run`."),
    ] = None,
    prompt: Annotated[str | None, typer.Option(metavar="TEXT", help="What is asked.")] = None,
    registry: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="A registry of your own workflows, importable from this folder.",
        ),
    ] = None,
    journal: Annotated[
        _Journal,
        typer.Option(help="A file, or a table of a local AWS emulator that is started for it."),
    ] = _Journal.SQLITE,
    points: Annotated[
        str,
        typer.Option(metavar="N|all", help="How many points, chosen over all kinds of writes."),
    ] = ALL,
    point: Annotated[
        list[str] | None,
        typer.Option(
            metavar="POINT", help="This point only: 17-before, 17-after, start-1, model-3, tool-2."
        ),
    ] = None,
    calls: Annotated[
        bool, typer.Option(help="Kill in the middle of model and tool calls, too.")
    ] = True,
    kills: Annotated[
        int, typer.Option(metavar="N", min=0, help="Kill at N random moments, besides.")
    ] = 0,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the random moments.")] = 0,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="As in ERRAND_MODEL, such as recorded:FILE; offline by default.",
        ),
    ] = None,
    recording_from: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Answer as the models did in this run; also asks what it was asked.",
        ),
    ] = None,
    answer: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME=]JSON", help="What callbacks are answered with."),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Where runs may differ, such as result.made_at."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Runs side by side; one per core by default."),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Leave journals and logs of all runs in a new folder."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Kill a workflow's worker before and after each write, and compare how its runs end.

    Runs the workflow undisturbed, then once per point: the worker is killed there, by SIGKILL,
    another takes the run up, and what it ends with is compared. Nothing of the local stack is used.
    Ends with 0 if no run differs, with 1 if one does.

    For example:

        errand crash-test research-report

        errand crash-test release-notes --registry registry.toml --input changes.txt --points 30

        errand crash-test --recording-from last --point 17-after
    """
    given = _Given(
        workflow=workflow,
        prompt=prompt,
        input=input,
        registry=registry,
        journal=journal,
        model=model,
        recording_from=recording_from,
        answers=answer or (),
        ignore=ignore or (),
    )
    plan = _plan(points, point or (), calls=calls, kills=kills, seed=seed, jobs=jobs, keep=keep)
    with _subject(given) as subject:
        _test(subject, replace(plan, ignore=tuple(given.ignore)), given, as_json=as_json)


def _test(subject: "Subject", plan: "Plan", given: _Given, *, as_json: bool) -> None:
    from cli.crash_view import Watch, report_view, telling  # noqa: PLC0415 - they import agents
    from crash.errors import CrashError, SubjectError  # noqa: PLC0415 - as above
    from crash.kit import crash_test as test  # noqa: PLC0415 - as above

    screen = Screen.of_process()
    try:
        with Watch(screen) as watch:
            report = test(subject, plan, tell=watch)
    except SubjectError as error:
        raise UsageError(str(error)) from error
    except CrashError as error:
        raise CliError(str(error)) from error
    if as_json:
        screen.show_json(report.to_json())
    else:
        screen.show(report_view(report))
        for line in telling(report, command=given.command()):
            screen.show(line)
    raise typer.Exit(ExitCode.OK if report.is_fine else ExitCode.FAILED)


@contextmanager
def _subject(given: _Given) -> Iterator["Subject"]:
    from crash.subject import JournalKind, Subject  # noqa: PLC0415 - it imports agents

    _check_model(given)
    with tempfile.TemporaryDirectory(prefix="recording-") as folder:
        if given.recording_from is not None:
            given = _recorded(given, Path(folder) / "recording.json")
        if given.workflow is None:
            msg = "which WORKFLOW? `errand crash-test WORKFLOW`, or --recording-from RUN"
            raise UsageError(msg)
        prompt = given.prompt or default_prompt(given.workflow, has_input=given.input is not None)
        yield Subject(
            workflow=given.workflow,
            prompt=prompt or _PROMPT,
            input=None if given.input is None else resolved_input(given.input, is_remote=False),
            registry=(given.registry or REGISTRY).absolute(),
            model=given.model or "offline",
            journal=JournalKind(given.journal),
            answers=dict(map(_answer, given.answers)),
        )


def _check_model(given: _Given) -> None:
    from agent.errors import ConfigError  # noqa: PLC0415 - agents take seconds to import
    from agent.models.select import ModelChoice  # noqa: PLC0415 - as above

    if given.model and given.recording_from:
        msg = f"--model {given.model!r} and --recording-from name two models, expected one"
        raise UsageError(msg)
    try:
        ModelChoice.parse(given.model or "offline")
    except ConfigError as error:
        raise UsageError(str(error).replace(error.variable, "--model", 1)) from error


def _recorded(given: _Given, path: Path) -> _Given:
    """Record the run that was named, and ask what it was asked where nothing else was said."""
    from cli.record_command import recorded  # noqa: PLC0415 - it imports agents

    place = place_for_reading(Aim(), environment.home())
    recording = recorded(place.reader(), str(given.recording_from))
    recording.save(path)
    return replace(
        given,
        workflow=given.workflow or recording.workflow,
        prompt=given.prompt or recording.prompt,
        input=recording.input if given.input is None else given.input,
        model=f"recorded:{path}",
    )


def _plan(  # noqa: PLR0913 - each is an option
    points: str,
    only: Sequence[str],
    *,
    calls: bool,
    kills: int,
    seed: int,
    jobs: int | None,
    keep: Path | None,
) -> "Plan":
    from crash.errors import SubjectError  # noqa: PLC0415 - it imports agents
    from crash.kit import Plan  # noqa: PLC0415 - as above
    from crash.points import Point  # noqa: PLC0415 - as above

    if points != ALL and not points.isdigit():
        msg = f"--points is {points!r}, expected a number or 'all'"
        raise UsageError(msg)
    if keep is not None and keep.exists():
        msg = f"--keep is {str(keep)!r}, which is there; expected a folder to be made"
        raise UsageError(msg)
    try:
        chosen = [Point.parse(each) for each in only]
    except SubjectError as error:
        msg = f"--{error}"
        raise UsageError(msg) from error
    plan = Plan(
        count=None if points == ALL else int(points),
        only=chosen,
        has_calls=calls,
        kills=kills,
        seed=seed,
        keep=None if keep is None else keep.absolute(),
    )
    return plan if jobs is None else replace(plan, jobs=jobs)


def _answer(text: str) -> tuple[str, str]:
    named = _NAMED.fullmatch(text)
    return (named[1], named[2]) if named else ("", text)
