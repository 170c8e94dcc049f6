"""What a page gives out to decide with: named, signed, and taken once.

Who sends a form without it has not seen the page, and whoever sends it again has decided already:
a mail scanner that submits what it finds, or repeats what it saw, decides nothing.
"""

import hashlib
import math
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from runs.link_keys import Keyring
from runs.seals import Seal

_PURPOSE = "errand.approval.form.1"
#: A page that was left open for longer has to be looked at again.
_LIFETIME = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Form:
    """One view of a page."""

    #: Unique to the view.
    name: str
    #: `Approval.hash` of what the page showed.
    hash: str


class Forms:
    """Gives out forms for links, and takes them back; methods may raise `LinkKeysError`."""

    def __init__(self, keyring: Keyring) -> None:
        self._seal = Seal(keyring, purpose=_PURPOSE)

    def give(self, token: str, *, shown: str, now: datetime) -> str:
        """Make the form of a page.

        Args:
            token: Of the link by which the page is seen.
            shown: `Approval.hash` of what the page shows.
            now: When.
        """
        ends = math.ceil((now + _LIFETIME).timestamp())
        return self._seal.close([_short(token), shown, secrets.token_urlsafe(12), ends])

    def take(self, text: str, token: str, *, now: datetime) -> Form | None:
        """Read a form; None unless it was given out for the same link, and not too long ago."""
        match self._seal.open(text):
            case [str(link), str(shown), str(name), int(ends)]:
                is_ours = link == _short(token) and now < datetime.fromtimestamp(ends, UTC)
                return Form(name, shown) if is_ours else None
            case _:
                return None


def _short(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:32]
