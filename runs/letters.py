"""What a notice says, as plain text and as HTML.

Pure. Whatever stands in a question is quoted: in the text each of its lines follows a mark, in the
HTML everything is escaped. None of it can become a line, a link or a header of ours.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from runs.approvals import ROLE
from runs.asked import Approval
from runs.differences import Line, Sort, differences
from runs.inert import inert, one_line
from runs.instants import from_iso, to_iso
from runs.json_types import Json
from runs.letter_html import as_html, to_html
from runs.letter_text import to_text
from runs.notices import Notice, NoticeKind
from runs.sheets import Block, Sheet

#: Bytes of the content, and of a comparison, that a letter has; the page has all of it.
MAX_CONTENT = 16_000
_MAX_ARGUMENTS = 4_000
_MAX_SUBJECT = 150
_MAX_LINE = 500

_OPENINGS = {
    NoticeKind.ASKED: "Approval needed",
    NoticeKind.REMINDER: "Reminder: approval needed",
    NoticeKind.ENDED: "Not decided in time",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message to those who may decide, ready to be sent."""

    #: The same however often it is sent: who keeps letters keeps one of each.
    letter_id: str
    subject: str
    text: str
    html: str
    written_at: datetime
    approval_id: str
    session_id: str
    kind: NoticeKind
    #: Where to decide; None where there is no page, or nothing to decide any more.
    url: str | None

    def to_json(self) -> dict[str, Json]:
        """Give the letter as programs get it that subscribe to notices."""
        return {
            "id": self.letter_id,
            "kind": self.kind.value,
            "approval_id": self.approval_id,
            "session_id": self.session_id,
            "subject": self.subject,
            "url": self.url,
            "text": self.text,
            "html": self.html,
            "written_at": to_iso(self.written_at),
        }

    @classmethod
    def from_json(cls, data: object) -> "Letter":
        """Read what `to_json` gave; without HTML, its text stands in for it.

        Raises:
            TypeError: It is something else.
            ValueError: A part of it makes no sense.
        """
        if not isinstance(data, Mapping):
            msg = f"the letter is {data!r:.60}, expected an object"
            raise TypeError(msg)
        text, url = _text(data, "text"), data.get("url")
        return cls(
            letter_id=_text(data, "id"),
            subject=_text(data, "subject"),
            text=text,
            html=data["html"] if isinstance(data.get("html"), str) else as_html(text),
            written_at=from_iso(_text(data, "written_at")),
            approval_id=_text(data, "approval_id"),
            session_id=_text(data, "session_id"),
            kind=NoticeKind(_text(data, "kind")),
            url=url if isinstance(url, str) else None,
        )


def _text(data: Mapping[str, object], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        msg = f"{name} of the letter is {value!r:.60}, expected a text"
        raise TypeError(msg)
    return value


def write_letter(notice: Notice, *, url: str | None, now: datetime) -> Letter:
    """Put a notice into words.

    Args:
        notice: What to tell.
        url: Where to decide, if there is such a page.
        now: When it is written; times are told from there.
    """
    approval = notice.approval
    subject = _subject(notice)
    is_open = notice.kind is not NoticeKind.ENDED
    sheet = Sheet(
        title=subject,
        facts=tuple(_facts(notice, now)),
        url=url if is_open else None,
        command=f"errand approve {approval.approval_id}" if is_open and url is None else None,
        blocks=tuple(_blocks(notice)) if is_open else (),
    )
    return Letter(
        letter_id=notice.notice_id,
        subject=subject,
        text=to_text(sheet),
        html=to_html(sheet),
        written_at=now,
        approval_id=approval.approval_id,
        session_id=approval.session_id,
        kind=notice.kind,
        url=sheet.url,
    )


def _subject(notice: Notice) -> str:
    opening = _OPENINGS[notice.kind]
    if notice.kind is NoticeKind.ASKED and notice.before is not None:
        opening = "Asked again"
    if notice.kind is NoticeKind.ENDED and notice.is_withdrawn:
        opening = "No decision needed any more"
    return one_line(f"{opening}: {notice.approval.question.what}", _MAX_SUBJECT)


def _facts(notice: Notice, now: datetime) -> Iterator[tuple[str, str]]:
    approval, run = notice.approval, notice.run
    yield "Asked", one_line(approval.question.what, _MAX_LINE)
    yield "Run", f"{run.session_id}, {one_line(run.workflow, _MAX_LINE)}"
    yield "Approval", approval.approval_id
    if notice.kind is NoticeKind.ENDED:
        yield "Outcome", _outcome(notice)
        return
    yield "Who may decide", _deciders(approval)
    ends_at = approval.ends_at(run)
    yield "Until", f"{_moment(ends_at)}, {_span(ends_at - now)} from now; after that it is a no"
    for vote in approval.votes:
        yield "So far", f"{vote.verdict} by {one_line(vote.by, _MAX_LINE)} at {_moment(vote.at)}"
    if notice.before is not None:
        yield "Asked before", _answer(notice.before)


def _outcome(notice: Notice) -> str:
    approval, run = notice.approval, notice.run
    if notice.is_withdrawn:
        return f"the run is {run.status}; nothing is left to decide"
    at = approval.decided_at or approval.ends_at(run)
    return f"nobody decided until {_moment(at)}, which is a no"


def _deciders(approval: Approval) -> str:
    names = [
        f"whoever is one of the {each.removeprefix(ROLE)}" if each.startswith(ROLE) else each
        for each in approval.question.may_decide
    ]
    who = one_line(", ".join(names), _MAX_LINE) if names else "anybody who gets this"
    quorum = approval.question.quorum
    return who if quorum == 1 else f"{who}; {quorum} must approve, {approval.missing} still have to"


def _answer(before: Approval) -> str:
    by = f" by {one_line(before.decided_by, _MAX_LINE)}" if before.decided_by else ""
    at = f" at {_moment(before.decided_at)}" if before.decided_at else ""
    said = f": {one_line(before.comment, _MAX_LINE)}" if before.comment else ""
    return f"{before.state}{by}{at}{said}"


def _blocks(notice: Notice) -> Iterator[Block]:
    approval = notice.approval
    yield from _changes(notice)
    if approval.shown:
        size = f"{len(approval.shown):,} characters"
        yield Block(title=f"What is asked about ({size})", lines=_quoted(approval.shown))
    if (text := _arguments(approval)) is not None:
        tool = one_line(approval.question.tool or "the tool", _MAX_LINE)
        yield Block(title=f"What {tool} would be called with", lines=_quoted(text, _MAX_ARGUMENTS))


def _changes(notice: Notice) -> Iterator[Block]:
    approval, before = notice.approval, notice.before
    if approval.content is not None:
        yield _comparison("What the last approver changed", approval.question.content, approval)
    elif before is not None:
        yield _comparison("What is different from before", before.shown, approval)


def _comparison(title: str, before: str, approval: Approval) -> Block:
    lines = differences(inert(before), inert(approval.shown))
    if lines is None:
        return Block(title=title, note="The texts are too long to be compared here.")
    if not lines:
        return Block(title=title, note="Nothing: it is the same content.")
    return Block(title=title, lines=_cut(lines, MAX_CONTENT), is_comparison=True)


def _arguments(approval: Approval) -> str | None:
    arguments, edits = approval.arguments, approval.question.edits
    if isinstance(arguments, Mapping) and edits in arguments:
        # It is the content, which is shown as it is.
        arguments = {name: value for name, value in arguments.items() if name != edits}
    if arguments in (None, {}):
        return None
    return json.dumps(arguments, indent=2, ensure_ascii=False)


def _quoted(text: str, limit: int = MAX_CONTENT) -> tuple[Line, ...]:
    lines = (Line(Sort.KEPT, line) for line in inert(text).split("\n"))
    return _cut(tuple(lines), limit)


def _cut(lines: tuple[Line, ...], limit: int) -> tuple[Line, ...]:
    """Give as much as a letter has room for, and say how much is left out."""
    kept: list[Line] = []
    room = limit
    for number, line in enumerate(lines):
        data = line.text.encode()
        if len(data) + 1 > room:
            part = data[: max(0, room)].decode(errors="ignore")
            left = sum(len(each.text) + 1 for each in lines[number:]) - len(part) - 1
            more = Line(Sort.LEFT_OUT, f"{left:,} more characters")
            return (*kept, *([Line(line.sort, part)] if part else []), more)
        room -= len(data) + 1
        kept.append(line)
    return tuple(kept)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _span(length: timedelta) -> str:
    minutes = max(0, int(length.total_seconds() // 60))
    days, hours = minutes // 1440, minutes % 1440 // 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
