"""The command about what deciders were told: inbox."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli import environment, text
from cli.errors import UsageError
from cli.look import Look
from cli.options import AsJson, aimed
from cli.places import Aim, mailbox_of
from cli.screen import Screen, look_of
from runs.post.mailbox import Mail, Mailbox

_LAST = "last"
_MIN_PREFIX = 4
#: Below this width a list has fewer columns.
_WIDE = 100


@aimed
def inbox(
    aim: Aim,
    given: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            help="Show this mail: its id or the beginning (4 characters or more), or 'last'.",
            show_default=False,
        ),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List what those who may decide were told by this machine's stack, or show one mail.

    On AWS they get it by e-mail; here it is kept in a folder of .eml files, and on the mailbox's
    page.

    For example:

        errand inbox

        errand inbox last
    """
    screen = Screen.of_process()
    folder = mailbox_of(aim, environment.home())
    mails = Mailbox(folder).mails()
    if given is not None:
        mail = _find(given, mails)
        if as_json:
            screen.show_json(mail.to_json())
        else:
            screen.show(_mail_view(mail, look_of(screen.out)))
        return
    if as_json:
        screen.show_json([mail.to_json() for mail in mails])
    elif mails:
        screen.show(_list_view(mails, look_of(screen.out)))
    else:
        screen.say(f"there is no mail in {folder}")


def _find(given: str, mails: Sequence[Mail]) -> Mail:
    if given == _LAST:
        if not mails:
            msg = "there is no mail yet: no run has asked anything"
            raise UsageError(msg)
        return mails[0]
    if len(given) < _MIN_PREFIX:
        msg = f"{given!r} is no id, and the beginning of one has {_MIN_PREFIX} characters"
        raise UsageError(msg)
    found = [mail for mail in mails if mail.letter_id.startswith(given.lower())]
    if not found:
        msg = f"{given!r} is no mail's id; `errand inbox` lists those there are"
        raise UsageError(msg)
    if len(found) > 1:
        ids = ", ".join(mail.letter_id for mail in found)
        msg = f"{given!r} may be each of: {ids}"
        raise UsageError(msg)
    return found[0]


def _list_view(mails: Sequence[Mail], look: Look) -> RenderableType:
    # The subject takes the room that is left: ids stay whole.
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    titles = ("ID", "WRITTEN", "SUBJECT") if look.width >= _WIDE else ("ID", "SUBJECT")
    for title in titles:
        ratio = 1 if title == "SUBJECT" else None
        table.add_column(title, no_wrap=True, overflow=look.overflow, ratio=ratio)
    for mail in mails:
        cells = {
            "ID": Text(mail.letter_id),
            "WRITTEN": Text(text.moment(mail.written_at, look.zone)),
            "SUBJECT": Text(text.one_line(mail.subject)),
        }
        table.add_row(*(cells[title] for title in titles))
    return table


def _mail_view(mail: Mail, look: Look) -> Text:
    written = f"{mail.letter_id}, written {text.moment(mail.written_at, look.zone)}"
    # Not wrapped: a link is to be copied, or followed, in one piece.
    return Text.assemble((written, "dim"), "\n\n", text.clean(mail.text), no_wrap=True)
