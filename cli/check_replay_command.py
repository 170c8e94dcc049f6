"""The command `check-replay`: would open runs go on under the code of this working tree?"""

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import environment
from cli.check_replay_view import finding_to_json, findings_view
from cli.errors import ExitCode, UsageError
from cli.options import AsJson, aimed
from cli.places import Aim, place_for_reading
from cli.reader import RunReader
from cli.request import REGISTRY
from cli.screen import Screen, look_of, now
from cli.text import count
from runs.journal.base import Journal
from runs.listing import open_runs
from runs.run import Run

if TYPE_CHECKING:
    from agent.registry import Registry
    from agent.rehearsal import Finding

#: What the SDK and the engine log of a replay that ends early is told by the verdict.
_LOGGERS = ("aws_durable_execution_sdk_python", "agent")


@aimed
def check_replay(
    aim: Aim,
    given: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            help="Which runs, finished ones too; all open ones by default.",
            show_default=False,
        ),
    ] = None,
    *,
    workflow: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only runs of this workflow.")
    ] = None,
    registry: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A registry of your own workflows, importable from this folder."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replay open runs against the workflows of this working tree, and do nothing else.

    Nothing is written, no step is entered, no model and no tool is called.
    The code between the steps does run: it must be repeatable, as ever.
    Ends with 0 if every run would go on from where it stands, with 1 if one
    would not, or can't be checked.

    For example, before deploying:

        errand check-replay --stack errand-prod

        errand check-replay --workflow release-notes --registry registry.toml
    """
    screen = Screen.of_process()
    place = place_for_reading(aim, environment.home())
    if not place.is_usual:
        screen.say(f"reading {place.name}", style="dim")
    reader = place.reader()
    runs = [run for run in _runs(reader, given or ()) if workflow in (None, run.workflow)]
    with _only_verdicts():
        findings = _rehearsed(reader, runs, _loaded(registry)) if runs else []
    if as_json:
        screen.show_json([finding_to_json(finding) for finding in findings])
    elif findings:
        screen.show(findings_view(findings, look_of(screen.out)))
    else:
        which = f" of workflow {workflow!r}" if workflow else ""
        screen.say(f"no {'such' if given else 'open'} run{which} in {place.name}")
    bad = [finding for finding in findings if finding.verdict != "ok"]
    if bad and not as_json:
        screen.say(f"{count(len(bad), 'run')} of {len(findings)} would not go on", style="red")
    raise typer.Exit(ExitCode.FAILED if bad else ExitCode.OK)


def _runs(reader: RunReader, given: Sequence[str]) -> list[Run]:
    if given:
        found = {run.session_id: run for run in map(reader.find, given)}
        return list(found.values())
    # One that changed while they were listed may come twice.
    listed: dict[str, Run] = reader.use(
        lambda journal: {run.session_id: run for run in open_runs(journal)}
    )
    return sorted(listed.values(), key=lambda run: run.created_at)


def _loaded(registry: Path | None) -> "Registry":
    from agent.errors import WorkflowImportError  # noqa: PLC0415 - agents take seconds to import
    from agent.registry import Registry  # noqa: PLC0415 - as above

    path = registry or REGISTRY
    # The working tree's modules, also where the command is installed elsewhere.
    sys.path.insert(0, str(Path.cwd()))
    try:
        return Registry.load(path)
    except WorkflowImportError as error:
        raise UsageError(str(error)) from error
    except Exception as error:  # a file that is none, or what a module raises when imported
        msg = f"the registry {path} can't be loaded: {type(error).__name__}: {error}"
        raise UsageError(msg) from error


def _rehearsed(reader: RunReader, runs: Sequence[Run], registry: "Registry") -> "Sequence[Finding]":
    from agent.errors import ConfigError  # noqa: PLC0415 - agents take seconds to import
    from agent.models.select import choose_model  # noqa: PLC0415 - as above
    from agent.rehearsal import Stage  # noqa: PLC0415 - as above

    try:
        model = choose_model(os.environ)
    except ConfigError as error:
        raise UsageError(str(error)) from error

    def rehearse(journal: Journal) -> "list[Finding]":
        stage = Stage(journal=journal, registry=registry, model=model, clock=now)
        return [stage.rehearse(run) for run in runs]

    return reader.use(rehearse)


@contextmanager
def _only_verdicts() -> Iterator[None]:
    """Keep what workflows print out of the answer, and what engines log away from people."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    silent = logging.NullHandler()
    for logger in loggers:
        logger.addHandler(silent)
        logger.propagate = False
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        for logger in loggers:
            logger.removeHandler(silent)
            logger.propagate = True
