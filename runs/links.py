"""Links to approvals: who has one may look at what is asked, and decide it.

The token in a link names the callback, the hash of the question, and whom it is for. It is signed
and ends with the approval, so nothing need be kept for it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from runs.approvals import ROLE
from runs.asked import Approval, Person
from runs.json_types import Json
from runs.link_keys import Keyring
from runs.run import Run
from runs.seals import Seal

_PURPOSE = "errand.approval.link.1"
#: What the pages are below, on the API.
PATH = "/a/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What a link says."""

    callback_id: str
    #: `Question.hash`: a link is to a question, and to no other that may come at its place.
    question_hash: str
    expires_at: datetime
    #: Whom it was sent to; None for whoever has it, who then gives a name.
    name: str | None = None
    #: What whoever has it decides as.
    roles: frozenset[str] = frozenset()

    def is_to(self, approval: Approval) -> bool:
        """Say whether an approval is the one that is meant."""
        is_same = approval.callback_id == self.callback_id
        return is_same and approval.question.hash == self.question_hash


class Links:
    """Makes links to the pages of one stack, and reads them.

    Each method may raise `LinkKeysError`.
    """

    def __init__(self, keyring: Keyring, *, base_url: str = "") -> None:
        self._seal = Seal(keyring, purpose=_PURPOSE)
        self._base_url = base_url.rstrip("/")

    def url(self, link: Link) -> str:
        """Give a link as the address of its page."""
        return f"{self._base_url}{PATH}{self.token(link)}"

    def token(self, link: Link) -> str:
        """Write a link as a token."""
        ends = math.ceil(link.expires_at.timestamp())
        roles: list[Json] = [*sorted(link.roles)]
        return self._seal.close([link.callback_id, link.question_hash, ends, link.name, roles])

    def read(self, token: str, *, now: datetime) -> Link | None:
        """Read a token; None if it is not one of ours to the last bit, or has expired."""
        match self._seal.open(token):
            case [str(callback_id), str(hash_), int(ends), (str() | None) as name, [*roles]]:
                link = Link(
                    callback_id=callback_id,
                    question_hash=hash_,
                    expires_at=datetime.fromtimestamp(ends, UTC),
                    name=name,
                    roles=frozenset(map(str, roles)),
                )
                return link if now < link.expires_at else None
            case _:
                return None


def link_to(
    approval: Approval, run: Run, *, name: str | None = None, roles: Iterable[str] = ()
) -> Link:
    """Make the link to an approval for one person, or for whoever gets it.

    It ends when no answer is taken any more.

    Args:
        approval: What is asked.
        run: The run that asks.
        name: Who decides with it; None lets whoever has it give a name.
        roles: What they decide as.
    """
    return Link(
        callback_id=approval.callback_id,
        question_hash=approval.question.hash,
        expires_at=approval.ends_at(run),
        name=name,
        roles=frozenset(roles),
    )


def open_link_to(approval: Approval, run: Run) -> Link:
    """Make the link by which whoever has it decides under any name, in every role that is asked.

    It is for operators, who may decide everything anyway; whoever they give it to may, too.
    """
    asked = approval.question.may_decide
    roles = {name.removeprefix(ROLE) for name in asked if name.startswith(ROLE)}
    return link_to(approval, run, roles=roles)


def person_of(link: Link, *, origin: str, name: str = "") -> Person:
    """Give who comes by a link: whom it was sent to, or else the name they give."""
    return Person(name=link.name or name, roles=link.roles, origin=origin)
