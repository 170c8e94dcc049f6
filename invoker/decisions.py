"""Decisions as they arrive: the fields of the page's form, or JSON."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import cast
from urllib.parse import parse_qsl

from invoker.forms import Form
from invoker.problems import FieldProblem
from invoker.web import FORM_TYPE, JSON_TYPE, Request
from runs.approvals import MAX_COMMENT, Verdict
from runs.asked import Approval, Person
from runs.deciding import Ballot
from runs.errors import InvalidRequestError
from runs.inert import inert
from runs.json_types import Json
from runs.request import check_text, kind_of

#: Bytes of a request: an edited content, and what a form makes of it.
MAX_BODY = 1024 * 1024
#: Bytes that edited content may have.
MAX_CONTENT = 256 * 1024
MAX_NAME = 100
_MAX_FIELDS = 100
#: What is looked at; others may be there.
_FIELDS = frozenset({"comment", "content", "decision", "form", "name"})


class Button(StrEnum):
    """The buttons of the page."""

    #: As it is shown.
    APPROVE = "approve"
    #: As it is in the field below.
    EDIT = "edit"
    DENY = "deny"


class MalformedError(Exception):
    """A body is not what its type says, or not a decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to decide, not checked yet."""

    verdict: Verdict
    form: str
    name: str = ""
    comment: str = ""
    #: As it was sent; None if none was.
    content: str | None = None
    #: The button that was pressed; JSON has none.
    button: Button | None = None

    def ballot(self, approval: Approval, *, person: Person, form: Form) -> Ballot:
        """Make the ballot of a wish that was checked, about what its form showed."""
        content = edited(self, approval) if self.verdict is Verdict.APPROVED else None
        return Ballot(
            verdict=self.verdict,
            person=person,
            hash=form.hash,
            comment=self.comment,
            content=content,
            form=form.name,
        )


def read_wish(request: Request) -> Wish | None:
    """Read a request's body; None if it is of a type that is not taken.

    Raises:
        MalformedError: It can't be read; the message says why.
    """
    if request.content_type == FORM_TYPE:
        return _from_fields(_fields(request.body))
    if request.content_type == JSON_TYPE:
        return _from_json(_object(request.body))
    return None


def edited(wish: Wish, approval: Approval) -> str | None:
    """Give the content as it was edited; None if it is as it was shown.

    A field of a page has its own line ends: they are no edit, and an edit keeps those of the text.
    """
    sent, shown = wish.content, approval.shown
    if sent is None or wish.button is None:
        return None if sent == shown else sent
    if inert(sent) == inert(shown):
        return None
    text = inert(sent)
    return text.replace("\n", "\r\n") if "\r\n" in shown else text


def problems_of(wish: Wish, approval: Approval, *, is_named: bool) -> list[FieldProblem]:
    """Say what is wrong with a wish, field by field.

    Args:
        wish: What was sent.
        approval: What it is about.
        is_named: The link says who decides; a name that is sent does not count.
    """
    problems = [] if is_named else _name_problems(wish.name)
    problems += _text_problems("comment", wish.comment)
    if len(wish.comment) > MAX_COMMENT:
        why = f"has {len(wish.comment):,} characters, expected at most {MAX_COMMENT:,}"
        problems.append(FieldProblem("comment", why))
    if wish.verdict is Verdict.DENIED:
        return problems + list(_denial_problems(wish))
    return problems + _content_problems(wish, approval)


_NO_REASON = FieldProblem("comment", "is empty, expected why; whoever asked is told")


def _denial_problems(wish: Wish) -> Iterator[FieldProblem]:
    if not wish.comment.strip():
        yield _NO_REASON
    if wish.content is not None and wish.button is None:
        yield FieldProblem("content", "comes with a denial, expected with approvals only")


def _name_problems(name: str) -> list[FieldProblem]:
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        expected = f"expected your name, in at most {MAX_NAME} printable characters"
        found = "is empty" if not name.strip() else f"is {name[:MAX_NAME]!r}"
        return [FieldProblem("name", f"{found}, {expected}")]
    return []


def _content_problems(wish: Wish, approval: Approval) -> list[FieldProblem]:
    content = edited(wish, approval)
    if wish.button is Button.EDIT and content is None:
        return [FieldProblem("content", "is as it was, expected a change; or approve it as shown")]
    if content is None:
        return []
    if wish.button is Button.APPROVE:
        why = "was changed, but approved as shown; approve it as changed, or put it back"
        return [FieldProblem("content", why)]
    if not content.strip():
        return [FieldProblem("content", "is empty, expected what is approved")]
    problems = _text_problems("content", content)
    if problems:
        return problems
    if (size := len(content.encode())) > MAX_CONTENT:
        why = f"has {size:,} bytes, expected at most {MAX_CONTENT:,}"
        return [FieldProblem("content", why)]
    return _type_problems(content, approval.shown)


def _text_problems(name: str, text: str) -> list[FieldProblem]:
    try:
        check_text(text, name)
    except InvalidRequestError as error:
        return [FieldProblem(name, str(error).removeprefix(f"{name}: "))]
    return []


def _type_problems(content: str, shown: str) -> list[FieldProblem]:
    """Refuse what is no object or array any more where one was shown: a program reads it."""
    before, after = _json_or_none(shown), _json_or_none(content)
    if not isinstance(before, Mapping | list) or type(before) is type(after):
        return []
    found = "no JSON" if after is None else kind_of(after)
    why = f"is {found}, expected {kind_of(before)} in JSON, as it was shown"
    return [FieldProblem("content", why)]


def _json_or_none(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError as error:
        msg = "the body is no form in UTF-8"
        raise MalformedError(msg) from error
    known = [pair for pair in pairs if pair[0] in _FIELDS]
    fields = dict(known)
    if len(fields) != len(known):
        msg = "a field comes twice, expected each once"
        raise MalformedError(msg)
    return fields


def _from_fields(fields: Mapping[str, str]) -> Wish:
    try:
        button = Button(fields.get("decision", ""))
    except ValueError as error:
        found = fields.get("decision", "")[:50]
        msg = f"decision is {found!r}, expected one of: {', '.join(Button)}"
        raise MalformedError(msg) from error
    return Wish(
        verdict=Verdict.DENIED if button is Button.DENY else Verdict.APPROVED,
        button=button,
        form=fields.get("form", ""),
        name=fields.get("name", "").strip(),
        comment=inert(fields.get("comment", "")),
        content=fields.get("content"),
    )


def _object(body: bytes) -> Mapping[str, Json]:
    try:
        data: Json = json.loads(body)
    except (ValueError, RecursionError) as error:
        msg = "the body is no JSON in UTF-8"
        raise MalformedError(msg) from error
    if not isinstance(data, Mapping):
        msg = f"the body is {kind_of(data)}, expected an object"
        raise MalformedError(msg)
    return data


def _from_json(data: Mapping[str, Json]) -> Wish:
    texts = {name: data.get(name) for name in ("form", "name", "comment", "content")}
    for name, value in texts.items():
        if value is not None and not isinstance(value, str):
            msg = f"{name} is {kind_of(value)}, expected a string"
            raise MalformedError(msg)
    verdict = data.get("decision")
    if not isinstance(verdict, str) or verdict not in set(Verdict):
        found = repr(verdict[:50]) if isinstance(verdict, str) else kind_of(verdict)
        msg = f"decision is {found}, expected one of: {', '.join(Verdict)}"
        raise MalformedError(msg)
    given = cast("dict[str, str | None]", texts)
    return Wish(
        verdict=Verdict(verdict),
        form=given["form"] or "",
        name=(given["name"] or "").strip(),
        comment=given["comment"] or "",
        content=given["content"],
    )
