"""The `errand` command: its commands, and how their errors are told."""

from importlib.metadata import version
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from cli import (
    again_commands,
    approval_commands,
    check_replay_command,
    crash_command,
    dlq_commands,
    inbox_command,
    read_commands,
    record_command,
    run_commands,
    stack_commands,
    steering_commands,
)
from cli.errors import CliError, DetachedError, ExitCode
from cli.text import clean
from local.errors import LocalError
from runs.errors import RunError


class _Group(TyperGroup):
    """Tells the errors of all commands in one way."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - Typer's own context has no public type
        """Run a command; end with its error's message and code."""
        try:
            return super().invoke(ctx)
        except (CliError, LocalError, RunError) as error:
            _tell(error)
            code = error.exit_code if isinstance(error, CliError) else ExitCode.UNREACHABLE
            raise typer.Exit(code) from None
        except KeyboardInterrupt:
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except BrokenPipeError:
            # `errand show last | head`: nobody is left to tell.
            raise
        except OSError as error:
            # A folder that can't be written, a full disk; the system's words name the file.
            _tell(error)
            raise typer.Exit(ExitCode.UNREACHABLE) from None


def _tell(error: Exception) -> None:
    is_bad = not isinstance(error, DetachedError)
    said = Text.assemble(("errand: ", "bold red") if is_bad else "", clean(_sentence(error)))
    Console(stderr=True, highlight=False).print(said, soft_wrap=True)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f': {error.filename}' if error.filename else ''}"
    return str(error)


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"errand {version('errand')}")
        raise typer.Exit


@app.callback(
    epilog="Everything takes --json. Exit codes: 0 done, 1 failed, 2 wrong use, 3 cancelled, "
    "4 out of reach, 5 not ended, 130 Ctrl-C."
)
def errand(
    *,
    show_version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_tell_version, is_eager=True),
    ] = False,
) -> None:
    """Send an agent on an errand. It answers at once, works for hours, and reports back.

    Start here: `errand run` starts the local stack, sends the sample bill through it and shows it
    live.
    """


_RUNS, _TESTING, _STACK = "Runs", "Testing workflows", "Local stack"
app.command(rich_help_panel=_RUNS)(run_commands.run)
app.command(rich_help_panel=_RUNS)(run_commands.send)
app.command("list", rich_help_panel=_RUNS)(read_commands.list_runs)
app.command(rich_help_panel=_RUNS)(read_commands.show)
app.command(rich_help_panel=_RUNS)(read_commands.watch)
app.command(rich_help_panel=_RUNS)(read_commands.result)
app.command(rich_help_panel=_RUNS)(run_commands.cancel)
app.command(rich_help_panel=_RUNS)(steering_commands.tell)
app.command(rich_help_panel=_RUNS)(steering_commands.pause)
app.command(rich_help_panel=_RUNS)(steering_commands.resume)
app.command(rich_help_panel=_RUNS)(again_commands.retry)
app.command(rich_help_panel=_RUNS)(again_commands.fork)
app.command(rich_help_panel=_RUNS)(approval_commands.approvals)
app.command(rich_help_panel=_RUNS)(approval_commands.approve)
app.command(rich_help_panel=_RUNS)(approval_commands.deny)
app.command(rich_help_panel=_RUNS)(inbox_command.inbox)
app.add_typer(dlq_commands.app, name="dlq", rich_help_panel=_RUNS)
app.command("check-replay", rich_help_panel=_TESTING)(check_replay_command.check_replay)
app.command("crash-test", rich_help_panel=_TESTING)(crash_command.crash_test)
app.command(rich_help_panel=_TESTING)(record_command.record)
app.command(rich_help_panel=_STACK)(stack_commands.up)
app.command(rich_help_panel=_STACK)(stack_commands.down)
app.command(rich_help_panel=_STACK)(stack_commands.doctor)
