"""The approvals of one place, as the commands find, read and decide them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import islice

from cli.alike import asking_words
from cli.errors import (
    AmbiguousApprovalError,
    CliError,
    NothingAskedError,
    UndecidedError,
    UnknownApprovalError,
    UsageError,
)
from cli.pages import Pages
from cli.reader import LAST, MIN_PREFIX
from runs.answering import Answers
from runs.asked import ApprovalState, Person
from runs.deciding import Ballot
from runs.errors import (
    AlreadyVotedError,
    AnswerNotToldError,
    ApprovalChangedError,
    ApprovalClosedError,
    CallbackPayloadError,
    NotADeciderError,
)
from runs.journal.base import MAX_PAGE, Asked

#: Decided approvals are looked for among this many, those decided last.
_SEARCHED = 5_000


class ApprovalDesk:
    """The approvals of one place.

    Every method raises `UnreachableError` when the place does not answer, whatever it is made of.
    """

    def __init__(
        self,
        answers: Answers,
        *,
        where: str,
        translated: Callable[[], AbstractContextManager[None]],
        pages: Pages | None = None,
    ) -> None:
        self._answers = answers
        self._translated = translated
        self._pages = pages or Pages()
        #: What the place is called.
        self.where = where

    def open(self) -> list[Asked]:
        """Read what is waiting for a decision now, newest first."""
        now = self._answers.clock()
        return [asked for asked in self._all(is_open=True) if asked.state(now) is _OPEN]

    def all(self, limit: int) -> list[Asked]:
        """Read what waits for a decision, then what does not any more, each newest first."""
        now = self._answers.clock()
        recorded = list(self._all(is_open=True))
        waiting = [asked for asked in recorded if asked.state(now) is _OPEN]
        over = [asked for asked in recorded if asked.state(now) is not _OPEN]
        return list(islice((*waiting, *over, *self._all(is_open=False)), limit))

    def find(self, given: str) -> Asked:
        """Read the approval that a person means.

        Args:
            given: An approval's id or its beginning, that of a run with one open approval, or
                `last`, the open approval that was asked last.

        Raises:
            UsageError: It means none, or more than one.
        """
        waiting = self.open()
        if given == LAST:
            return _last(waiting, where=self.where)
        if len(given) < MIN_PREFIX:
            msg = f"{given!r} is no id, and the beginning of one has {MIN_PREFIX} characters"
            raise UsageError(msg)
        found = [asked for asked in waiting if _is_meant(asked, given)]
        # An approval's own id comes first; and a decided one is found to be told by whom.
        if not any(_has_id(asked, given) for asked in found):
            found = [asked for asked in self._over() if _has_id(asked, given)] or found
        if not found:
            self._refuse(given)
        if len(found) > 1:
            raise AmbiguousApprovalError(given, candidates=_lines(found))
        return found[0]

    def view(self, asked: Asked, person: Person) -> Asked:
        """Read an approval again, and record that somebody looks at it."""
        with self._translated():
            return self._answers.journal.view_approval(
                asked.approval.callback_id, person, now=self._answers.clock()
            )

    def decide(self, asked: Asked, ballot: Ballot) -> Asked:
        """Decide, and wake the run.

        Raises:
            UndecidedError: It takes no decision, or not this one; it says why.
            UsageError: The edited content is too large.
            CliError: It is decided, but the Lambda service that waits was not told.
        """
        try:
            with self._translated():
                return self._answers.decide(asked.approval.callback_id, ballot)
        except (
            AlreadyVotedError,
            ApprovalChangedError,
            ApprovalClosedError,
            NotADeciderError,
        ) as error:
            raise UndecidedError(str(error)) from error
        except CallbackPayloadError as error:
            raise UsageError(str(error)) from error
        except AnswerNotToldError as error:
            raise CliError(str(error)) from error

    def url(self, asked: Asked) -> str | None:
        """Give the address of the page on which an open approval is decided, if there is one."""
        return self._pages.of(asked, self.now())

    def now(self) -> datetime:
        """Give the present moment, as decisions are dated."""
        return self._answers.clock()

    def _over(self) -> Iterator[Asked]:
        now = self._answers.clock()
        recorded = (asked for asked in self._all(is_open=True) if asked.state(now) is not _OPEN)
        yield from recorded
        yield from islice(self._all(is_open=False), _SEARCHED)

    def _all(self, *, is_open: bool) -> Iterator[Asked]:
        cursor = None
        while True:
            with self._translated():
                page = self._answers.journal.list_approvals(
                    is_open=is_open, limit=MAX_PAGE, cursor=cursor
                )
            yield from page.asked
            if (cursor := page.cursor) is None:
                return

    def _refuse(self, given: str) -> None:
        asked = [each for each in self._over() if each.run.session_id.startswith(given)]
        if not asked:
            raise UnknownApprovalError(given, where=self.where)
        latest = max(asked, key=lambda each: each.approval.asked_at)
        raise NothingAskedError(latest.run.session_id, last=_lines([latest])[0])


_OPEN = ApprovalState.OPEN


def _last(waiting: Sequence[Asked], *, where: str) -> Asked:
    if not waiting:
        msg = f"nothing waits for a decision in {where}"
        raise UsageError(msg)
    return max(waiting, key=lambda asked: asked.approval.asked_at)


def _is_meant(asked: Asked, given: str) -> bool:
    return _has_id(asked, given) or asked.run.session_id.startswith(given)


def _has_id(asked: Asked, given: str) -> bool:
    return asked.approval.approval_id.startswith(given.lower())


def _lines(approvals: Sequence[Asked]) -> list[str]:
    words = asking_words(approvals)
    found = [asked.approval for asked in approvals]
    return [
        f"{each.approval_id} {words[each.callback_id]} (run {each.session_id})" for each in found
    ]
