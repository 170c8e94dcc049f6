"""Taking up runs again and forking them, at one place: the record, and somebody who watches."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

from cli.errors import UnreachableError, UsageError
from runs.again import Retry
from runs.errors import (
    AmbiguousStepError,
    ForkRefusedError,
    InvalidRequestError,
    RetryRefusedError,
    StepNotFoundError,
    StepRefusedError,
    UnwatchedRunError,
)
from runs.forking import Fork
from runs.journal.base import Journal
from runs.run import Run
from runs.watch import Watcher

_REFUSALS = (
    AmbiguousStepError,
    ForkRefusedError,
    InvalidRequestError,
    RetryRefusedError,
    StepNotFoundError,
    StepRefusedError,
)


class Operator:
    """Operates on the runs of one place.

    Every method may be repeated, and raises `UsageError` for what can't be done and
    `UnreachableError` when the place does not answer.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        watcher: Watcher,
        where: str,
        clock: Callable[[], datetime],
        translated: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._journal = journal
        self._watcher = watcher
        self._clock = clock
        self._translated = translated
        #: What the place is called.
        self.where = where

    def retry(self, session_id: str, retry: Retry) -> Run:
        """Take up a run again; see `Journal.retry`."""
        with self._told():
            run = self._journal.retry(session_id, retry, now=self._clock())
            # Whoever died before this repeats the command: the watcher's name makes it once.
            self._watcher.watch(session_id, retry=run.retries)
        return run

    def fork(self, session_id: str, fork: Fork) -> Run:
        """Make a new run of another's checkpoints; see `Journal.fork`."""
        with self._told():
            run = self._journal.fork(session_id, fork, now=self._clock()).run
            self._watcher.watch(run.session_id, retry=run.retries)
        return run

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            with self._translated():
                yield
        except _REFUSALS as error:
            raise UsageError(str(error)) from error
        except UnwatchedRunError as error:
            msg = f"{self.where}: {error}; the same command tries again"
            raise UnreachableError(msg) from error
