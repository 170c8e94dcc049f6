"""Approvals on paper: the list, and one with all that is to be decided on."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli import text
from cli.alike import asking_words
from cli.look import Look
from runs.asked import ApprovalState, Vote
from runs.journal.base import Asked

#: Below these widths a list has fewer columns.
_WIDE = 110
_MEDIUM = 64
_SHORT_ID = 8

_STYLES = {
    ApprovalState.OPEN: "yellow",
    ApprovalState.APPROVED: "green",
    ApprovalState.DENIED: "red",
    ApprovalState.EXPIRED: "red",
    ApprovalState.WITHDRAWN: "dim",
    ApprovalState.ANSWERED: "green",
}


def approvals_view(approvals: Sequence[Asked], look: Look) -> RenderableType:
    """Draw a list of approvals, with as many columns as the width allows."""
    # The question takes the room that is left: whatever its length, ids stay whole.
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    titles = _titles(look.width)
    for title in titles:
        ratio = 1 if title == "WHAT" else None
        table.add_column(title, no_wrap=True, overflow=look.overflow, ratio=ratio)
    words = asking_words(approvals)
    for asked in approvals:
        cells = _cells(asked, look, words[asked.approval.callback_id])
        table.add_row(*(cells[title] for title in titles))
    return table


def approval_view(asked: Asked, look: Look) -> RenderableType:
    """Draw one approval: what is asked, the content as a whole, and how to answer."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in _labelled(asked, look):
        grid.add_row(label, value)
    sections: list[RenderableType] = [grid]
    if shown := asked.approval.shown:
        sections += ["", Text(text.clean(shown))]
    if asked.state(look.now) is ApprovalState.OPEN:
        sections += ["", *_commands(asked.approval.approval_id)]
    return Group(*sections)


def decided_words(asked: Asked, now: datetime) -> str:
    """Say what was decided, and what comes of it."""
    approval = asked.approval
    what = f"{approval.approval_id}, {text.one_line(approval.question.what)}"
    state = asked.state(now)
    how = " as edited" if approval.content is not None else ""
    if state is ApprovalState.OPEN:
        missing = text.count(approval.missing, "more approval")
        return f"approved{how}: {what}; {missing} needed"
    if (pause := asked.run.pause) is not None:
        return (
            f"{state}{how}: {what}; run {approval.session_id} is {pause.words}, "
            f"`errand resume {approval.session_id}` lets it go on"
        )
    return (
        f"{state}{how}: {what}; run {approval.session_id} goes on, "
        f"`errand watch {approval.session_id}` shows it"
    )


def _titles(width: int) -> tuple[str, ...]:
    if width >= _WIDE:
        return ("ID", "STATE", "ASKED", "UNTIL", "RUN", "WORKFLOW", "WHAT")
    if width >= _MEDIUM:
        return ("ID", "STATE", "LEFT", "RUN", "WHAT")
    return ("ID", "WHAT")


def _cells(asked: Asked, look: Look, words: str) -> Mapping[str, Text]:
    approval, state = asked.approval, asked.state(look.now)
    ends_at = approval.ends_at(asked.run)
    is_open = state is ApprovalState.OPEN
    return {
        "ID": Text(approval.approval_id),
        "STATE": Text(state.value, _STYLES[state]),
        "ASKED": Text(text.moment(approval.asked_at, look.zone)),
        "UNTIL": Text(text.moment(ends_at, look.zone)),
        "LEFT": Text(text.between(look.now, ends_at) if is_open else ""),
        "RUN": Text(approval.session_id[:_SHORT_ID]),
        "WORKFLOW": Text(asked.run.workflow),
        "WHAT": Text(words),
    }


def _labelled(asked: Asked, look: Look) -> Iterator[tuple[str, Text]]:
    approval, question = asked.approval, asked.approval.question
    state = asked.state(look.now)
    yield "approval", Text(approval.approval_id, "bold")
    yield "asks", Text(text.clean(question.what), "bold")
    yield "state", Text(_state_words(asked, look), _STYLES[state])
    yield "run", Text(f"{approval.session_id} ({asked.run.workflow})")
    yield "asked", Text(text.moment(approval.asked_at, look.zone))
    ends_at = text.moment(approval.ends_at(asked.run), look.zone)
    yield "until", Text(ends_at)
    if question.may_decide:
        yield "for", Text(text.one_line(", ".join(question.may_decide)))
    for vote in approval.votes:
        yield vote.verdict.value, Text(_vote_words(vote, look))
    if question.tool:
        yield "tool", Text(text.one_line(question.tool))
    if approval.arguments is not None:
        laid_out = json.dumps(approval.arguments, indent=2, ensure_ascii=False)
        yield "arguments", Text(text.clean(laid_out))
    yield "hash", Text(approval.hash, "dim")


def _state_words(asked: Asked, look: Look) -> str:
    approval, state = asked.approval, asked.state(look.now)
    if state is ApprovalState.OPEN and approval.question.quorum > 1:
        missing = f"{state}, {approval.missing} of {approval.question.quorum} approvals missing"
        if approval.content is None:
            return missing
        # Who reads it has to know that it is not what the run asked.
        return f"{missing}; edited since it was asked, by {text.one_line(approval.votes[0].by)}"
    if state is ApprovalState.WITHDRAWN:
        return f"{state}: the run is {asked.run.status}"
    if approval.decided_at is None:
        return state.value
    return f"{state}{' as edited' if approval.content is not None else ''}"


def _vote_words(vote: Vote, look: Look) -> str:
    origin = f" ({vote.origin})" if vote.origin else ""
    said = f": {vote.comment}" if vote.comment else ""
    return text.clean(f"by {vote.by}{origin}, {text.moment(vote.at, look.zone)}{said}")


def _commands(approval_id: str) -> Iterator[Text]:
    yield Text(f"errand approve {approval_id} [--comment TEXT] [--edit FILE]", "bold")
    yield Text(f"errand deny {approval_id} --comment TEXT", "bold")
