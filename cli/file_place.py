"""An embedded journal: what `agentcore launch -l` writes when there is no stack."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cli.desk import ApprovalDesk
from cli.errors import UnreachableError, UsageError
from cli.helm import Helm, JournalHelm
from cli.operating import Operator
from cli.reader import RunReader
from local.home import Home
from runs.answering import Answers
from runs.artifacts.folder import FolderStore
from runs.errors import AnswerNotToldError, JournalFormatError, JournalUnavailableError
from runs.journal.sqlite import SqliteJournal
from runs.operations import Operation
from runs.signals import NoSignal
from runs.watch import PolledJournal

if TYPE_CHECKING:
    from runs.sweeper import Swept

#: The process that writes the journal looks every second.
_PATIENCE = timedelta(minutes=1)


class _LambdaOnDemand:
    """The Lambda service of the environment, for those few runs that are durable executions."""

    def tell(self, callback: Operation) -> None:
        """See `CallbackService.tell`."""
        # boto3 takes longer to import than everything else that a file needs.
        import boto3  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415

        from runs.lambda_callbacks import LambdaCallbackService  # noqa: PLC0415

        try:
            LambdaCallbackService(boto3.client("lambda")).tell(callback)
        except BotoCoreError as error:
            raise AnswerNotToldError(callback.external_id or "", str(error)) from error


class FilePlace:
    """See `cli.places.Place`."""

    is_usual = False
    is_remote = False

    def __init__(self, path: Path, *, artifacts: Path) -> None:
        self.path = path
        self._artifacts = artifacts

    @classmethod
    def at(cls, path: str, home: Home) -> "FilePlace":
        """Name the journal in a file that must be there.

        Raises:
            UsageError: It is not.
        """
        place = cls(Path(path).expanduser().absolute(), artifacts=home.artifacts)
        if not place.is_there():
            msg = f"there is no journal {place.path}; `agentcore launch -l` makes one"
            raise UsageError(msg)
        return place

    @property
    def name(self) -> str:
        """See `Place.name`."""
        return f"the journal {self.path}"

    def is_there(self) -> bool:
        """Say whether there is such a file; opening one that is not would make it."""
        return self.path.is_file()

    def reader(self) -> RunReader:
        """See `Place.reader`."""
        return RunReader(self._open(), where=self.name, translated=self._translated)

    def cancel(self, session_id: str, *, reason: str) -> None:
        """See `Place.cancel`. The worker finds the wish at its next heartbeat."""
        journal = self._open()
        with self._translated():
            journal.cancel(session_id, now=datetime.now(UTC), reason=reason)

    def desk(self) -> ApprovalDesk:
        """See `Place.desk`. Nobody is signalled: the process that polls the journal finds it."""
        answers = Answers(
            journal=self._open(),
            signal=NoSignal(),
            clock=lambda: datetime.now(UTC),
            service=_LambdaOnDemand(),
        )
        return ApprovalDesk(answers, where=self.name, translated=self._translated)

    def helm(self) -> Helm:
        """See `Place.helm`. The worker finds a wish to pause at its next heartbeat."""
        return JournalHelm(
            self._open(), clock=lambda: datetime.now(UTC), translated=self._translated
        )

    def sweep(self, *, is_dry: bool) -> "Swept":
        """See `Place.sweep`. There are no sessions, and no executions that could watch."""
        # Few commands sweep: the others need not pay for its import.
        from runs.sweeper import Sweeper  # noqa: PLC0415

        sweeper = Sweeper(
            journal=self._open(),
            signal=NoSignal(),
            clock=lambda: datetime.now(UTC),
            patience=_PATIENCE,
            executions=None,
            stopper=None,
        )
        with self._translated():
            return sweeper.sweep(is_dry=is_dry)

    def operator(self) -> Operator:
        """See `Place.operator`. The agent that writes the journal finds what is queued in it."""
        return Operator(
            self._open(),
            watcher=PolledJournal(),
            where=self.name,
            clock=lambda: datetime.now(UTC),
            translated=self._translated,
        )

    def _open(self) -> SqliteJournal:
        if not self.is_there():
            msg = f"{self.name} is gone"
            raise UnreachableError(msg)
        with self._translated():
            return SqliteJournal(self.path, artifacts=FolderStore(self._artifacts))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (JournalFormatError, JournalUnavailableError, sqlite3.Error) as error:
            msg = f"{self.name} can't be read: {error}"
            raise UnreachableError(msg) from error
