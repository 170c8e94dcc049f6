"""The commands about what people are asked: approvals, approve, deny."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from cli import environment
from cli.approval_json import approval_to_json
from cli.approval_view import approval_view, approvals_view, decided_words
from cli.desk import ApprovalDesk
from cli.errors import UsageError
from cli.options import AsJson, aimed
from cli.places import Aim, place_for_reading
from cli.screen import Screen, look_of
from cli.who import origin, person_name
from runs.approvals import MAX_COMMENT, Verdict
from runs.asked import Person
from runs.deciding import Ballot
from runs.journal.base import Asked
from runs.json_types import Json

ApprovalId = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="An approval's id or its beginning (4 characters or more), that of a run that asks "
        "one thing, or 'last'.",
        show_default=False,
    ),
]
_By = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Who decides.", show_default="your user's name"),
]
_Roles = Annotated[
    list[str] | None,
    typer.Option("--role", metavar="ROLE", help="A role in which you decide; may be repeated."),
]


@aimed
def approvals(
    aim: Aim,
    given: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="Show this one, with its content.", show_default=False),
    ] = None,
    *,
    is_all: Annotated[
        bool, typer.Option("--all", help="Also what is decided, expired or withdrawn.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, metavar="N", help="How many of --all.")
    ] = 50,
    as_json: AsJson = False,
) -> None:
    """List what waits for a person's decision, or show one approval with its content.

    For example:

        errand approvals

        errand approvals last

        errand approvals --json | jq -r '.[] | [.id, .what] | @tsv'
    """
    screen = Screen.of_process()
    desk = _desk(aim, screen)
    if given is not None:
        asked = desk.view(desk.find(given), _person(None, None))
        if as_json:
            screen.show_json(_json(asked, desk))
        else:
            screen.show(approval_view(asked, look_of(screen.out)))
            if url := desk.url(asked):
                # By itself: it is copied in one piece.
                screen.show(Text(url, f"link {url}", no_wrap=True))
        return
    found = desk.all(limit) if is_all else desk.open()
    if as_json:
        screen.show_json([_json(asked, desk) for asked in found])
    elif found:
        screen.show(approvals_view(found, look_of(screen.out)))
    else:
        screen.say(f"nothing {'was asked' if is_all else 'waits for a decision'} in {desk.where}")


@aimed
def approve(  # noqa: PLR0913 - each is an option
    aim: Aim,
    given: ApprovalId,
    *,
    comment: Annotated[
        str, typer.Option(metavar="TEXT", help="What to tell the workflow with it.")
    ] = "",
    edit: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Approve this content instead; '-' reads it from standard input."
        ),
    ] = None,
    by: _By = None,
    role: _Roles = None,
    as_json: AsJson = False,
) -> None:
    """Approve what a run asks, as it is shown by `errand approvals ID` or as edited.

    Ends with 1 if it takes no decision any more, or not yours.

    For example:

        errand approve last --comment "Fine."

        errand approvals last --json | jq -r .content > post.txt

        errand approve last --edit post.txt
    """
    _check_comment(comment)
    content = None if edit is None else _content(edit)
    screen = Screen.of_process()
    desk = _desk(aim, screen)
    asked = desk.find(given)
    ballot = Ballot(
        verdict=Verdict.APPROVED,
        person=_person(by, role),
        hash=asked.approval.hash,
        comment=comment,
        content=None if content is None else _edited(content, asked.approval.shown),
    )
    _tell(desk.decide(asked, ballot), desk, screen=screen, as_json=as_json)


@aimed
def deny(  # noqa: PLR0913 - each is an option
    aim: Aim,
    given: ApprovalId,
    *,
    comment: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; the workflow is told. Required.")
    ] = "",
    by: _By = None,
    role: _Roles = None,
    as_json: AsJson = False,
) -> None:
    """Deny what a run asks, and say why; one denial is enough, however many must approve.

    Ends with 1 if it takes no decision any more, or not yours.

    For example:

        errand deny last --comment "The claim about wings is not true."
    """
    if not comment.strip():
        msg = "--comment is missing, expected why: whoever asked is told, and can do better"
        raise UsageError(msg)
    _check_comment(comment)
    screen = Screen.of_process()
    desk = _desk(aim, screen)
    asked = desk.find(given)
    ballot = Ballot(
        verdict=Verdict.DENIED,
        person=_person(by, role),
        hash=asked.approval.hash,
        comment=comment,
    )
    _tell(desk.decide(asked, ballot), desk, screen=screen, as_json=as_json)


def _desk(aim: Aim, screen: Screen) -> ApprovalDesk:
    place = place_for_reading(aim, environment.home())
    if not place.is_usual:
        screen.say(f"reading {place.name}", style="dim")
    return place.desk()


def _person(by: str | None, roles: list[str] | None) -> Person:
    return Person(name=person_name(by), roles=frozenset(roles or ()), origin=origin())


def _content(given: str) -> str:
    if given == "-":
        data = sys.stdin.buffer.read()
    else:
        path = Path(given).expanduser()
        # Read and not looked at: `<(…)` of a shell is no regular file.
        try:
            data = path.read_bytes()
        except OSError as error:
            msg = f"--edit is {given!r}, which can't be read: {error.strerror}"
            raise UsageError(msg) from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        msg = f"--edit is {given!r}, which is no text in UTF-8: {error.reason} at {error.start}"
        raise UsageError(msg) from error


def _check_comment(given: str) -> None:
    # The journal would cut it off, and whoever wrote it would not know.
    if len(given) > MAX_COMMENT:
        msg = f"--comment has {len(given):,} characters, expected at most {MAX_COMMENT:,}"
        raise UsageError(msg)


def _edited(content: str, shown: str) -> str:
    # Editors end a file with a newline, whether its text has one or not.
    return content if shown.endswith("\n") else content.removesuffix("\n")


def _json(asked: Asked, desk: ApprovalDesk) -> dict[str, Json]:
    return approval_to_json(asked, now=desk.now(), url=desk.url(asked))


def _tell(asked: Asked, desk: ApprovalDesk, *, screen: Screen, as_json: bool) -> None:
    if as_json:
        screen.show_json(_json(asked, desk))
    screen.say(decided_words(asked, desk.now()))
