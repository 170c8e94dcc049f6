"""The command that mends what the normal way has left."""

from typing import Annotated

import typer

from cli import environment
from cli.errors import ExitCode
from cli.options import AsJson, aimed
from cli.places import Aim, place_for_reading
from cli.screen import Screen, look_of
from cli.sweep_view import summary, swept_view
from runs.sweep_json import swept_to_json


@aimed
def sweep(
    aim: Aim,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what is wrong and what would mend it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Mend runs that differ from what should be: unwatched, unannounced, sessions left on.

    A stack does it by itself every five minutes. This looks at all runs that have not ended and at
    those that ended within a day, and ends with 1 if something is left to be mended.

    For example:

        errand sweep --dry-run

        errand sweep --stack errand-prod --json
    """
    screen = Screen.of_process()
    swept = place_for_reading(aim, environment.home()).sweep(is_dry=dry_run)
    if as_json:
        screen.show_json(swept_to_json(swept))
    else:
        look = look_of(screen.out)
        if swept.found:
            screen.show(swept_view(swept, look))
        screen.say(summary(swept))
    if swept.unmended:
        raise typer.Exit(ExitCode.FAILED)
