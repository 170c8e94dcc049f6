"""The page of an approval: what is asked, and the form to decide.

It works without scripts, and says nothing that came from others but as text: escaped, in an element
of its own direction.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from invoker.decisions import MAX_CONTENT, MAX_NAME, Button, Wish
from invoker.page import notice, page
from invoker.problems import Problem
from invoker.shown import counted, escaped, instant, json_text, span, turns
from invoker.web import Response, fits
from runs.approvals import MAX_COMMENT, ROLE
from runs.asked import Approval, ApprovalState, Vote
from runs.differences import Line, Sort, differences
from runs.inert import inert
from runs.journal.base import Asked
from runs.json_types import Json
from runs.links import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a page is made of."""

    asked: Asked
    link: Link
    #: What the run asked on the same thing before; None if nothing.
    before: Approval | None
    #: The form to decide with, sealed.
    form: str
    now: datetime
    #: What somebody sent that was not taken, and why.
    wish: Wish | None = None
    problem: Problem | None = None


def approval_page(view: View) -> Response:
    """Make the page on which an approval is read and decided."""
    what = view.asked.approval.question.what
    status = view.problem.status if view.problem else HTTPStatus.OK
    body = "\n".join(_parts(view))
    if not fits(body):
        body = "\n".join((*_head(view), _too_large(view.asked.approval)))
    return page(what, body, status=status)


def decided_page(asked: Asked, *, now: datetime) -> Response:
    """Make the page that says what a decision came to."""
    approval, state = asked.approval, asked.state(now)
    if state is ApprovalState.OPEN:
        title = "Your approval is recorded"
        more = f"{counted(approval.missing, 'more approval')} needed before the run goes on."
    else:
        edited = " with your changes" if approval.content is not None else ""
        title = f"{state.value.capitalize()}{edited}"
        then = (
            "goes on with it" if asked.run.pause is None else "is paused, and goes on with it later"
        )
        more = f"The decision is recorded, and the run {then}. You can close this page."
    body = (
        f"<h1>{escaped(title)}</h1>\n<p>{escaped(more)}</p>\n"
        f"<dl>\n{''.join(_outcome(approval))}</dl>"
    )
    return page(title, body)


def _outcome(approval: Approval) -> Iterator[str]:
    yield _fact("Asked was", f"<bdi>{escaped(approval.question.what)}</bdi>")
    if approval.votes:
        yield _fact("Recorded", _listed(map(_vote, approval.votes)))
    yield _fact("Approval", escaped(approval.approval_id))


def _parts(view: View) -> Iterator[str]:
    approval = view.asked.approval
    yield from _head(view)
    if approval.shown:
        yield "<h2>What is asked about</h2>"
        yield _turned(approval.shown)
        yield _text(approval.shown, kind="prose")
    yield from _tool(approval)
    if approval.content is not None:
        yield "<h2>What was changed since it was asked</h2>"
        yield _compared(approval.question.content, approval.content)
    if view.before is not None:
        yield from _changes(view.before, approval)
    yield from _form(view)


def _head(view: View) -> Iterator[str]:
    approval, run = view.asked.approval, view.asked.run
    if view.problem is not None:
        yield notice(view.problem)
    yield '<p class="quiet">A run asks for your decision:</p>'
    yield f'<h1 dir="auto">{escaped(approval.question.what)}</h1>'
    ends_at = approval.ends_at(run)
    yield (
        f"<p>Please decide within <strong>{span(ends_at - view.now)}</strong>, before "
        f'<time datetime="{ends_at.isoformat()}">{instant(ends_at)}</time>. '
        "Without a decision the answer is no.</p>"
    )
    yield f"<dl>\n{''.join(_facts(view))}</dl>"


def _facts(view: View) -> Iterator[str]:
    approval, run = view.asked.approval, view.asked.run
    yield _fact("Run", f"<bdi>{escaped(run.workflow)}</bdi>, {escaped(run.session_id)}")
    asked_at = approval.asked_at
    yield _fact(
        "Asked", f'<time datetime="{asked_at.isoformat()}">{escaped(instant(asked_at))}</time>'
    )
    may = approval.question.may_decide
    yield _fact("May decide", _listed(map(_decider, may)) if may else "whoever has a link")
    quorum = approval.question.quorum
    if quorum > 1:
        given = quorum - approval.missing
        yield _fact("Needed", f"{quorum} approvals; {given} given, {approval.missing} missing")
    if approval.votes:
        yield _fact("So far", _listed(map(_vote, approval.votes)))
    if approval.content is not None:
        editor = next((each.by for each in approval.votes), "somebody")
        yield _fact("Changed", f"by <bdi>{escaped(editor)}</bdi> since it was asked")
    yield _fact("Approval", escaped(approval.approval_id))


def _fact(name: str, value: str) -> str:
    return f"<dt>{name}</dt><dd>{value}</dd>\n"


def _listed(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def _decider(name: str) -> str:
    role = name.removeprefix(ROLE)
    who = f"<bdi>{escaped(role)}</bdi>"
    return who if role == name else f"anybody in the role {who}"


def _vote(vote: Vote) -> str:
    comment = f': <q dir="auto">{escaped(vote.comment)}</q>' if vote.comment else ""
    said = f"<bdi>{escaped(vote.by)}</bdi> {vote.verdict.value}, {escaped(instant(vote.at))}"
    return f"{said}{comment}"


def _tool(approval: Approval) -> Iterator[str]:
    question = approval.question
    if question.tool is None and approval.arguments is None:
        return
    yield "<h2>What would be done</h2>"
    is_all_shown = bool(approval.shown) and approval.arguments == {question.edits: approval.shown}
    if question.tool is not None:
        tool = f"<strong><bdi>{escaped(question.tool)}</bdi></strong>"
        yield f"<p>The tool {tool} is called with{' this text.' if is_all_shown else ':'}</p>"
    if not is_all_shown:
        yield _text(json_text(_without_content(approval)))


def _without_content(approval: Approval) -> Json:
    """Give the arguments; one that is shown above already is not told twice."""
    given, name = approval.arguments, approval.question.edits
    if name is not None and isinstance(given, Mapping) and given.get(name) == approval.shown:
        return {**given, name: "(what is asked about, as above)"}
    return given


def _changes(before: Approval, approval: Approval) -> Iterator[str]:
    yield "<h2>What changed since it was asked before</h2>"
    votes = _listed(map(_vote, before.votes)) if before.votes else ""
    yield (
        f"<p>It was asked on {escaped(instant(before.asked_at))}, and "
        f"{'has expired' if before.state is ApprovalState.EXPIRED else f'was {before.state.value}'}"
        f".</p>{votes}"
    )
    yield _compared(before.shown, approval.shown)


def _compared(before: str, after: str) -> str:
    lines = differences(before, after)
    if lines is None:
        return "<p>The texts are too long to be compared line by line.</p>"
    if not lines:
        return "<p>The text is the same as before.</p>"
    return f'<ol class="lines">{"".join(map(_line, lines))}</ol>'


def _line(line: Line) -> str:
    text = escaped(line.text)
    match line.sort:
        case Sort.ADDED:
            return f'<li class="added" dir="auto"><span class="sign">+</span><ins>{text}</ins></li>'
        case Sort.REMOVED:
            sign = '<span class="sign">−</span>'  # noqa: RUF001 - a minus as wide as the plus
            return f'<li class="removed" dir="auto">{sign}<del>{text}</del></li>'
        case Sort.LEFT_OUT:
            return f'<li class="quiet">… {text} …</li>'
        case Sort.KEPT:
            return f'<li dir="auto">{text}</li>'


def _text(text: str, *, kind: str = "") -> str:
    # A parser drops the first line end of the element: one more is put there.
    style = f' class="{kind}"' if kind else ""
    return f'<pre{style} dir="auto" tabindex="0">\n{escaped(text)}</pre>'


def _turned(text: str) -> str:
    count = turns(text)
    if not count:
        return ""
    return (
        f'<p class="note">The text has {counted(count, "invisible mark")} that may show its words '
        "in another order than they are read by programs.</p>"
    )


def _too_large(approval: Approval) -> str:
    return (
        f"<p>The content has {len(approval.shown):,} characters: too many for this page, and "
        "nobody should decide on a part. Read and decide it with the command:</p>"
        f"<pre>errand approvals {escaped(approval.approval_id)}</pre>"
    )


def _form(view: View) -> Iterator[str]:
    approval = view.asked.approval
    yield "<h2>Your decision</h2>"
    yield '<form method="post" accept-charset="utf-8" autocomplete="off">'
    # The Enter key presses the first button of a form: this one does nothing.
    yield '<button type="submit" disabled hidden></button>'
    yield f'<input type="hidden" name="form" value="{escaped(view.form)}">'
    yield _name(view)
    comment = view.wish.comment if view.wish else ""
    yield (
        '<label for="comment">Comment</label>'
        '<span class="quiet" id="comment-hint">Needed to deny: whoever asked is told why.</span>'
        f"{_error(view, 'comment')}"
        f'<textarea id="comment" name="comment" rows="3" dir="auto" maxlength="{MAX_COMMENT}"'
        f"{_described(view, 'comment')}>\n{escaped(comment)}</textarea>"
    )
    yield (
        '<div class="buttons">'
        f'<button type="submit" name="decision" value="{Button.APPROVE}">Approve</button>'
        f'<button type="submit" name="decision" value="{Button.DENY}" class="no">Deny</button>'
        "</div>"
    )
    is_editable = bool(approval.shown) or approval.question.takes_result
    if is_editable and len(inert(approval.shown).encode()) <= MAX_CONTENT:
        yield _editor(view)
    yield "</form>"


def _name(view: View) -> str:
    if view.link.name is not None:
        return f"<p>You decide as <strong><bdi>{escaped(view.link.name)}</bdi></strong>.</p>"
    name = view.wish.name if view.wish else ""
    return (
        '<label for="name">Your name</label>'
        '<span class="quiet" id="name-hint">It is recorded with your decision.</span>'
        f"{_error(view, 'name')}"
        f'<input id="name" name="name" required maxlength="{MAX_NAME}" autocomplete="name" '
        f'dir="auto" value="{escaped(name)}"{_described(view, "name")}>'
    )


#: What folds out to edit the content, its label and its button; and to answer for a tool.
_EDIT = ("Edit, then approve", "What is approved instead", "Approve as edited")
_RESULT = ("Give the result", "What the tool gives back", "Give this result")


def _editor(view: View) -> str:
    shown = inert(view.asked.approval.shown)
    sent = view.wish.content if view.wish else None
    text = shown if sent is None else inert(sent)
    rows = min(20, max(4, shown.count("\n") + 2))
    takes_result = view.asked.approval.question.takes_result
    summary, label, button = _RESULT if takes_result else _EDIT
    is_open = " open" if text != shown or _error(view, "content") else ""
    return (
        f"<details{is_open}><summary>{summary}</summary>"
        f'<label for="content">{label}</label>'
        f"{_error(view, 'content')}"
        f'<textarea id="content" name="content" rows="{rows}" dir="auto"'
        f"{_described(view, 'content')}>\n{escaped(text)}</textarea>"
        '<div class="buttons">'
        f'<button type="submit" name="decision" value="{Button.EDIT}">{button}</button>'
        "</div></details>"
    )


def _error(view: View, name: str) -> str:
    fields = view.problem.fields if view.problem else ()
    found = [each.message for each in fields if each.field == name]
    return (
        f'<span class="error" id="{name}-error">It {escaped("; ".join(found))}</span>'
        if found
        else ""
    )


def _described(view: View, name: str) -> str:
    ids = [] if name == "content" else [f"{name}-hint"]
    if _error(view, name):
        ids.append(f"{name}-error")
    return f' aria-describedby="{" ".join(ids)}"' if ids else ""
