"""Approvals: what a person is asked, and what became of it.

Pure values and their JSON. The answer to a question travels as the payload of the callback that
the workflow waits for: `{"decision": "approved" | "denied", "comment": "…", "content": "…"}`.
Whatever can't be read is no approval: it denies, and says why.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from runs.compact import compact
from runs.instants import from_iso, to_iso
from runs.json_types import Json

#: Characters of a comment; more are cut off.
MAX_COMMENT = 4_000
#: What a name in `Question.may_decide` begins with that stands for all who have a role.
ROLE = "role:"


class Verdict(StrEnum):
    """What a person, or the time that passed, said."""

    #: Go on, with the content as it was shown or as the decider edited it.
    APPROVED = "approved"
    #: Do not.
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, of whom, and for how long.

    Raises:
        ValueError: A part of it makes no sense.
    """

    #: In a line: "publish this post on UniTok".
    what: str
    #: What is shown, and what a decider may edit.
    content: str = ""
    #: The tool that waits for the answer, and what it would be called with.
    tool: str | None = None
    arguments: Json = None
    #: The call of it, by which an answer that comes as a message finds its question.
    tool_use_id: str | None = None
    #: The argument that `content` is; an edited content takes its place.
    edits: str | None = None
    #: The answer's content is what the tool gives back, as text. `content` is what it said so far.
    takes_result: bool = False
    #: How long an answer is waited for; none in time is a no. None waits until the run's deadline.
    expires_in: timedelta | None = None
    #: How long before that deciders are reminded; None is once, when a quarter of the time is left.
    remind_before: tuple[timedelta, ...] | None = None
    #: Names, and roles as `role:NAME`; empty is anybody who can reach the question.
    may_decide: tuple[str, ...] = ()
    #: How many of them must approve. One denial denies.
    quorum: int = 1

    def __post_init__(self) -> None:
        if not self.what.strip():
            msg = f"what is {self.what!r}, expected the question in a line"
            raise ValueError(msg)
        if self.expires_in is not None and self.expires_in < timedelta(seconds=1):
            msg = f"expires_in is {self.expires_in}, expected a second or more"
            raise ValueError(msg)
        if self.quorum < 1:
            msg = f"quorum is {self.quorum}, expected at least 1"
            raise ValueError(msg)
        if self.may_decide and self.quorum > len(self.may_decide) and not self._has_roles():
            msg = f"quorum is {self.quorum}, but only {len(self.may_decide)} may decide"
            raise ValueError(msg)

    @property
    def hash(self) -> str:
        """Give the SHA-256 of what is shown: a decision is about these words and no others."""
        return content_hash(
            what=self.what, content=self.content, tool=self.tool, arguments=self.arguments
        )

    def _has_roles(self) -> bool:
        return any(name.startswith(ROLE) for name in self.may_decide)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Question":
        """Read what `to_json` gave.

        Raises:
            TypeError: It is something else.
            ValueError: A part of it makes no sense.
        """
        reminders = data.get("remind_before")
        return cls(
            **{
                **data,
                "expires_in": _span(data.get("expires_in")),
                "remind_before": None if reminders is None else tuple(map(_span, reminders)),
                "may_decide": tuple(data.get("may_decide", ())),
            }
        )

    def to_json(self) -> dict[str, Json]:
        """Write the question; spans of time are in seconds, and what is not set is left out."""
        reminders = self.remind_before
        shape: dict[str, Json] = {
            "what": self.what,
            "content": self.content,
            "tool": self.tool,
            "arguments": self.arguments,
            "tool_use_id": self.tool_use_id,
            "edits": self.edits,
            "takes_result": self.takes_result or None,
            "expires_in": None if self.expires_in is None else self.expires_in.total_seconds(),
            "remind_before": None if reminders is None else [r.total_seconds() for r in reminders],
            "may_decide": list(self.may_decide) or None,
            "quorum": self.quorum,
        }
        return {name: value for name, value in shape.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer to a question, as a workflow gets it."""

    verdict: Verdict
    comment: str = ""
    #: The content as the decider edited it; None is as it was shown.
    content: str | None = None
    #: Who decided, in their own words; None where nobody did: the time passed.
    by: str | None = None
    at: datetime | None = None
    #: Nobody answered in time.
    is_expired: bool = False
    #: The hash of the question that was answered, where the answer names it.
    answers: str | None = None

    @property
    def is_approved(self) -> bool:
        """Say whether to go on."""
        return self.verdict is Verdict.APPROVED

    @classmethod
    def from_payload(cls, payload: object) -> "Decision":
        """Read an answer, as JSON text or as what it decodes to; never raises."""
        return cls.read(payload) or denied(
            f"the answer is {payload!r:.200}, expected an object whose decision is "
            "'approved' or 'denied'"
        )

    @classmethod
    def read(cls, payload: object) -> "Decision | None":
        """Read an answer that may be something else; None if it is."""
        try:
            return _decision(_decoded(payload))
        except (TypeError, ValueError):
            return None

    def to_payload(self) -> str:
        """Write the answer as a callback's payload."""
        shape: dict[str, Json] = {
            "decision": self.verdict.value,
            "comment": self.comment or None,
            "content": self.content,
            "expired": self.is_expired or None,
            "by": self.by,
            "at": None if self.at is None else to_iso(self.at),
            "hash": self.answers,
        }
        return compact({name: value for name, value in shape.items() if value is not None})

    def about(self, question: Question) -> "Decision":
        """Give the decision if it is about this question; an answer to another one is a no."""
        if self.answers in (None, question.hash) or not self.is_approved:
            return self
        return denied("the answer is to a question with other words, expected one to these")


def denied(why: str, *, is_expired: bool = False) -> Decision:
    """Give the decision that stands where nobody's can."""
    return Decision(verdict=Verdict.DENIED, comment=why[:MAX_COMMENT], is_expired=is_expired)


def content_hash(*, what: str, content: str, tool: str | None, arguments: Json) -> str:
    """Give the SHA-256 of the canonical JSON of what a decider is shown."""
    shown = {"what": what, "content": content, "tool": tool, "arguments": arguments}
    # ASCII only, so that a lone surrogate (a model's, a file name's) has bytes, too.
    text = json.dumps(shown, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _span(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _decoded(payload: object) -> object:
    if not isinstance(payload, str | bytes):
        return payload
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return None


def _decision(data: object) -> Decision:
    if not isinstance(data, Mapping):
        msg = f"the answer is {data!r:.100}, expected an object"
        raise TypeError(msg)
    at = _text(data, "at")
    return Decision(
        verdict=Verdict(data.get("decision", "")),
        comment=(_text(data, "comment") or "")[:MAX_COMMENT],
        content=_text(data, "content"),
        is_expired=data.get("expired") is True,
        by=_text(data, "by"),
        at=None if at is None else from_iso(at),
        answers=_text(data, "hash"),
    )


def _text(data: Mapping[str, object], name: str) -> str | None:
    value = data.get(name)
    if value is None or isinstance(value, str):
        return value
    msg = f"{name} is {value!r:.100}, expected a text"
    raise TypeError(msg)
