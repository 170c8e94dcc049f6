"""Telling of approvals: those who may decide by letters, and whoever wants to know by the bus.

First sent, then recorded: whoever dies in between leaves it to be sent again, under the same id.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from runs.approval_events import event_of
from runs.bus.base import Bus
from runs.errors import EventNotPutError, LetterNotSentError, LinkKeysError
from runs.journal.base import Journal
from runs.letters import write_letter
from runs.links import Links, open_link_to
from runs.notices import Notice, NoticeKind
from runs.post.base import Post
from runs.run import Run

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """Sends notices."""

    journal: Journal
    post: Post
    clock: Callable[[], datetime]
    #: Makes the links in letters; None where approvals have no pages.
    links: Links | None = None
    #: Where programs hear of it; None where there is no bus.
    bus: Bus | None = None

    def notify(self, session_id: str) -> Run:
        """Send what is due for a run, and give its head with the time of what is due next.

        A letter that can't be sent does not keep the others; it is due again a little later.

        Raises:
            RunNotFoundError: There is no such run.
            JournalUnavailableError: The journal did not answer. What was sent may be sent again.
        """
        due = self.journal.notices(session_id, now=self.clock())
        sent = [notice for notice in due if self._is_sent(notice)]
        return self.journal.note_sent(session_id, sent, now=self.clock())

    def _is_sent(self, notice: Notice) -> bool:
        facts = {"session_id": notice.run.session_id, "notice": notice.notice_id}
        try:
            # Before the letter: an event that comes twice is dropped by its id, and a mail is not.
            self._put(notice)
            letter = write_letter(notice, url=self._url(notice), now=self.clock())
            self.post.send(letter)
        except (EventNotPutError, LetterNotSentError, LinkKeysError) as error:
            logger.warning("notice not sent", extra={**facts, "error": str(error)})
            return False
        logger.info("notice sent", extra=facts)
        return True

    def _put(self, notice: Notice) -> None:
        event = event_of(notice)
        if self.bus is not None and event is not None:
            self.bus.put(event)

    def _url(self, notice: Notice) -> str | None:
        if self.links is None or notice.kind is NoticeKind.ENDED:
            return None
        # Whoever gets the letter is one of those who are asked: who that is, the topic says.
        return self.links.url(open_link_to(notice.approval, notice.run))
