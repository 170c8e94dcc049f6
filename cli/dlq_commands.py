"""The commands about the task queue's dead letters: dlq list, show, redrive."""

from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from cli import environment, text
from cli.dead_letters import DeadLetter, DeadLetters, found
from cli.errors import UsageError
from cli.look import Look
from cli.options import AsJson, aimed_at_stack
from cli.places import Aim, place_for_sending
from cli.screen import Screen, look_of

app = typer.Typer(no_args_is_help=True, help="Messages of the task queue that could not be done.")

_LetterId = Annotated[
    str,
    typer.Argument(metavar="ID", help="A message's id or its beginning (4 characters or more)."),
]


@app.command("list")
@aimed_at_stack
def list_letters(aim: Aim, *, as_json: AsJson = False) -> None:
    """List the dead letters, the oldest first, each with the reason."""
    screen = Screen.of_process()
    letters = _letters(aim).all()
    if as_json:
        screen.show_json([letter.to_json() for letter in letters])
    elif letters:
        look = look_of(screen.out)
        screen.show(Group(*(_line(letter, look) for letter in letters)))
    else:
        screen.say("there are no dead letters")


@app.command()
@aimed_at_stack
def show(aim: Aim, given: _LetterId, *, as_json: AsJson = False) -> None:
    """Show a dead letter: the reason, and the message as it was sent."""
    screen = Screen.of_process()
    letter = found(_letters(aim).all(), given)
    if as_json:
        screen.show_json(letter.to_json())
    else:
        screen.show(_whole(letter, look_of(screen.out)))


@app.command()
@aimed_at_stack
def redrive(
    aim: Aim,
    given: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="A message's id or its beginning.", show_default=False),
    ] = None,
    *,
    is_all: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a dead letter, or all of them, to the task queue again.

    It is the same task as before: one that has been done is not done again.
    """
    if (given is None) is not is_all:
        msg = "expected a message's ID or --all, and not both"
        raise UsageError(msg)
    screen = Screen.of_process()
    letters = _letters(aim)
    name = None if given is None else found(letters.all(), given).message_id
    sent = letters.redrive(lambda letter: name in (None, letter.message_id))
    if as_json:
        screen.show_json([letter.to_json() for letter in sent])
    else:
        screen.say(f"{text.count(len(sent), 'message')} sent to the task queue again")


def _letters(aim: Aim) -> DeadLetters:
    return place_for_sending(aim, environment.home()).dead_letters()


def _line(letter: DeadLetter, look: Look) -> RenderableType:
    at = text.moment(letter.died_at, look.zone)
    said = f"{letter.message_id[:8]}  {at}  {text.one_line(letter.reason)}"
    return Text(said, no_wrap=True, overflow=look.overflow)


def _whole(letter: DeadLetter, look: Look) -> RenderableType:
    at = text.moment(letter.died_at, look.zone)
    head = [("message", letter.message_id), ("since", at), ("reason", text.clean(letter.reason))]
    lines = [Text.assemble((f"{label:<9}", "dim"), value) for label, value in head]
    return Group(*lines, "", Text(text.clean(letter.body)))
