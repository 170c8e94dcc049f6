"""How an approval looks when it is stored."""

from collections.abc import Mapping

from runs.approvals import Question, Verdict
from runs.asked import Approval, ApprovalState, View, Vote
from runs.fields import FieldError, Fields
from runs.instants import from_iso, to_iso
from runs.json_types import Json
from runs.records import Kind, Record, iso_or_none, json_text, present


def index_status(*, is_open: bool) -> str:
    """Give what approvals have where heads have their status: the index then lists both apart."""
    return "APPROVAL_OPEN" if is_open else "APPROVAL_CLOSED"


def _approval_to_record(approval: Approval) -> Record:
    is_open = approval.state is ApprovalState.OPEN
    return present(
        {
            "status": index_status(is_open=is_open),
            "updated_at": to_iso(approval.decided_at or approval.asked_at),
            "approval_id": approval.approval_id,
            "session_id": approval.session_id,
            "operation_id": approval.operation_id,
            "callback_id": approval.callback_id,
            "name": approval.name,
            "question": json_text(approval.question.to_json()),
            "is_bare": approval.is_bare,
            "asked_at": to_iso(approval.asked_at),
            "expires_at": iso_or_none(approval.expires_at),
            "announced_at": iso_or_none(approval.announced_at),
            "end_told_at": iso_or_none(approval.end_told_at),
            "remind_at": json_text([to_iso(at) for at in approval.remind_at]),
            "reminders": approval.reminders,
            "state": approval.state.value,
            "votes": json_text([_vote_to_json(vote) for vote in approval.votes]),
            "content": json_text(approval.content),
            "decided_at": iso_or_none(approval.decided_at),
            "views": json_text([_view_to_json(view) for view in approval.views]),
            "used_forms": json_text(list(approval.used_forms)) if approval.used_forms else None,
        }
    )


def _vote_to_json(vote: Vote) -> Json:
    return {
        "verdict": vote.verdict.value,
        "by": vote.by,
        "at": to_iso(vote.at),
        "origin": vote.origin,
        "comment": vote.comment,
    }


def _view_to_json(view: View) -> Json:
    return {"by": view.by, "origin": view.origin, "at": to_iso(view.at)}


def _approval_from_fields(record: Fields) -> Approval:
    return Approval(
        approval_id=record.text("approval_id"),
        session_id=record.text("session_id"),
        operation_id=record.text("operation_id"),
        callback_id=record.text("callback_id"),
        name=record.text("name"),
        question=Question.from_json(record.json_object("question")),
        is_bare=record.flag("is_bare"),
        asked_at=record.instant("asked_at"),
        expires_at=record.instant_or_none("expires_at"),
        announced_at=record.instant_or_none("announced_at"),
        end_told_at=record.instant_or_none("end_told_at"),
        remind_at=tuple(from_iso(str(at)) for at in _list(record, "remind_at")),
        reminders=record.count("reminders"),
        state=ApprovalState(record.text("state")),
        votes=tuple(_vote(Fields(each)) for each in _objects(record, "votes")),
        content=_text_or_none(record, "content"),
        decided_at=record.instant_or_none("decided_at"),
        views=tuple(_view(Fields(each)) for each in _objects(record, "views")),
        used_forms=record.texts("used_forms"),
    )


def _vote(record: Fields) -> Vote:
    return Vote(
        verdict=Verdict(record.text("verdict")),
        by=record.text("by"),
        at=record.instant("at"),
        origin=record.text("origin"),
        comment=record.text("comment"),
    )


def _view(record: Fields) -> View:
    return View(by=record.text("by"), origin=record.text("origin"), at=record.instant("at"))


def _list(record: Fields, name: str) -> list[Json]:
    value = record.json(name)
    if not isinstance(value, list):
        raise FieldError(name, value, expected="a list as JSON text")
    return value


def _text_or_none(record: Fields, name: str) -> str | None:
    value = record.json(name)
    if value is not None and not isinstance(value, str):
        raise FieldError(name, value, expected="a text as JSON text")
    return value


def _objects(record: Fields, name: str) -> list[Mapping[str, Json]]:
    found = _list(record, name)
    return [each for each in found if isinstance(each, Mapping)]


APPROVAL = Kind(
    to_record=_approval_to_record,
    from_fields=_approval_from_fields,
    payloads=("question", "content", "votes"),
)
