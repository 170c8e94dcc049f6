"""The addresses of the pages on which approvals are decided, at one place."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from runs.asked import Approval, ApprovalState
from runs.errors import LinkKeysError
from runs.journal.base import Asked
from runs.links import Links, open_link_to
from runs.run import Run


class Pages:
    """Makes links for whoever operates a place: whoever they pass one on to may decide with it."""

    def __init__(self, links: Links | None = None) -> None:
        self._links = links

    @property
    def are_there(self) -> bool:
        """Say whether there are any: an embedded journal has no server."""
        return self._links is not None

    def of(self, asked: Asked, now: datetime) -> str | None:
        """Give an open approval's address; None of others, and without leave to read the keys."""
        if self._links is None or asked.state(now) is not ApprovalState.OPEN:
            return None
        with suppress(LinkKeysError):
            return self._links.url(open_link_to(asked.approval, asked.run))
        return None

    def of_run(self, run: Run, approvals: Iterable[Approval], now: datetime) -> dict[str, str]:
        """Give the addresses of what a run asks, by the approval's id."""
        found = {
            each.approval_id: self.of(Asked(approval=each, run=run), now) for each in approvals
        }
        return {approval_id: url for approval_id, url in found.items() if url is not None}
