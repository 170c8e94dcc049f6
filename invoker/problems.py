"""What goes wrong over HTTP, as problem details (RFC 9457) and in the words of a page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from invoker.shown import instant
from runs.asked import ApprovalState
from runs.errors import ApprovalClosedError
from runs.instants import to_iso
from runs.json_types import Json

_URN = "urn:errand:problem:"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field of a decision."""

    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A problem; its kind is what programs go by."""

    status: HTTPStatus
    kind: str
    title: str
    detail: str
    fields: Sequence[FieldProblem] = ()
    #: Members of its own, besides those that all problems have.
    more: dict[str, Json] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Give the problem details object."""
        errors: list[Json] = [
            {"field": each.field, "message": each.message} for each in self.fields
        ]
        return {
            "type": f"{_URN}{self.kind}",
            "title": self.title,
            "status": self.status.value,
            "detail": self.detail,
            **({"errors": errors} if errors else {}),
            **self.more,
        }


#: The one answer to every link that opens nothing, whatever the cause.
UNUSABLE = Problem(
    status=HTTPStatus.NOT_FOUND,
    kind="unusable-link",
    title="This link can't be used",
    detail="Nothing can be decided with it: it may have been used, have expired or been withdrawn, "
    "or not be whole, as some mail programs break long links. Whoever asked you can send another.",
)
NO_PAGE = Problem(
    status=HTTPStatus.NOT_FOUND,
    kind="no-page",
    title="There is no such page",
    detail="Approvals are opened by the links that were sent.",
)
TOO_LARGE = Problem(
    status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    kind="too-large",
    title="That is too much",
    detail="The request is larger than a decision can be.",
)
NO_FORM = Problem(
    status=HTTPStatus.FORBIDDEN,
    kind="form-missing",
    title="Nothing was decided yet",
    detail="The page has been open for too long, or was not looked at. "
    "Please read what is asked and decide below.",
)
CHANGED = Problem(
    status=HTTPStatus.CONFLICT,
    kind="changed",
    title="Nothing was decided yet: the text has changed",
    detail="Somebody approved it with changes after you opened the page. "
    "Please read what is asked now.",
)
USED = Problem(
    status=HTTPStatus.CONFLICT,
    kind="form-used",
    title="This page was used to decide before",
    detail="It counts once. Open the link again to see how it stands.",
)
NOT_TOLD = Problem(
    status=HTTPStatus.BAD_GATEWAY,
    kind="not-told",
    title="Your decision is recorded, but the run was not told",
    detail="The run is a Lambda durable execution, and its service did not take the decision just "
    "now. Reload this page to have the run told again; the decision itself stands. If that does "
    "not help, whoever runs this service finds out more in its log.",
)
NOT_NOW = Problem(
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    kind="not-now",
    title="It can't be done just now",
    detail="Please try again in a moment. Trying again is safe: a decision is taken once.",
    headers={"retry-after": "5"},
)
BROKEN = Problem(
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    kind="broken",
    title="This approval can't be shown",
    detail="What was recorded about it can't be read. Whoever runs this service finds out more "
    "in its log.",
)
TOO_LARGE_TO_SHOW = Problem(
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    kind="too-large-to-show",
    title="This approval is too large to be shown here",
    detail="Nobody should decide on a part. `errand approvals` shows it whole; `errand approve` "
    "and `errand deny` decide it.",
)


def closed(error: ApprovalClosedError) -> Problem:
    """Say that it takes no decision any more, what it came to, and by whom and when."""
    by = f" by {error.by}" if error.by else ""
    when = f" on {instant(error.at)}" if error.at else ""
    verb = "has" if error.state == ApprovalState.EXPIRED else "was"
    return Problem(
        status=HTTPStatus.CONFLICT,
        kind="already-decided",
        title=f"It is {error.state} already",
        detail=f"It {verb} {error.state}{by}{when}. Your decision was not needed any more, and "
        "changed nothing.",
        more={
            "state": error.state,
            "decided_by": error.by,
            "decided_at": None if error.at is None else to_iso(error.at),
        },
    )


def invalid(fields: Sequence[FieldProblem]) -> Problem:
    """Say what is wrong with a decision."""
    return Problem(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        kind="invalid",
        title="Nothing was decided yet",
        detail="; ".join(f"{each.field} {each.message}" for each in fields),
        fields=fields,
    )


def malformed(detail: str) -> Problem:
    """Say that a body can't be read."""
    return Problem(
        status=HTTPStatus.BAD_REQUEST, kind="malformed", title="It can't be read", detail=detail
    )


def wrong_type(given: str, *, expected: Sequence[str]) -> Problem:
    """Say that a body is of a type that is not taken."""
    return Problem(
        status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        kind="wrong-type",
        title="It can't be read",
        detail=f"the content type is {given[:100]!r}, expected one of: {', '.join(expected)}",
        headers={"accept-post": ", ".join(expected)},
    )


def wrong_method(allowed: Sequence[str]) -> Problem:
    """Say which methods there are."""
    listed = ", ".join(allowed)
    return Problem(
        status=HTTPStatus.METHOD_NOT_ALLOWED,
        kind="wrong-method",
        title="It can't be done like that",
        detail=f"expected one of: {listed}",
        headers={"allow": listed},
    )


def refused(kind: str, detail: str, *, status: HTTPStatus) -> Problem:
    """Say why a decision was not taken from this person."""
    return Problem(status=status, kind=kind, title="Nothing was decided", detail=detail)
