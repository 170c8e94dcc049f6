"""The `errand` command: its commands, and how their errors are told."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli.catalog import COMMANDS, ListedCommand
from cli.errors import CliError, DetachedError, ExitCode
from local.errors import LocalError
from runs.errors import RunError


class _Group(TyperGroup):
    """Has the commands of the catalog, and tells the errors of all in one way."""

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - whatever Typer makes groups with
        super().__init__(**given)
        for listing in COMMANDS:
            self.add_command(ListedCommand(listing))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - see `invoke`
        """Find the command that is asked for: this one is imported."""
        name, command, rest = super().resolve_command(ctx, args)
        if isinstance(command, ListedCommand):
            command = command.loaded()
        return name, command, rest

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
    # Not before: few commands end in an error, and some show nothing else.
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from cli.text import clean  # noqa: PLC0415

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
        from importlib.metadata import version  # noqa: PLC0415 - reads mails' headers, for this only

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
