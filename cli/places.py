"""Where runs are: the local stack, a stack on AWS, or an embedded journal."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cli.dead_letters import DeadLetters
from cli.desk import ApprovalDesk
from cli.errors import UsageError
from cli.helm import Helm
from cli.operating import Operator
from cli.reader import RunReader
from local.home import Home
from local.state import read_state
from runs.json_types import Json
from runs.post import MAILBOX

if TYPE_CHECKING:
    from cli.deployment import Deployment
    from cli.file_place import FilePlace
    from runs.sweeper import Swept

_SQLITE = "sqlite:"


class Place(Protocol):
    """Somewhere runs are read and cancelled. Every method may raise `UnreachableError`."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def is_usual(self) -> bool:
        """Whether people need not be told that it is this one."""
        ...

    @property
    def is_remote(self) -> bool:
        """Whether its agent sees another machine's files than this one's."""
        ...

    def reader(self) -> RunReader:
        """Open its journal, where it is now: a stack that was started again is elsewhere."""
        ...

    def cancel(self, session_id: str, *, reason: str) -> None:
        """End a run nobody works on; ask the worker of one somebody works on."""
        ...

    def operator(self) -> Operator:
        """Open it for those who take up runs again, or fork them."""
        ...

    def sweep(self, *, is_dry: bool) -> "Swept":
        """Mend runs that the normal way has left; see `runs.sweeper`."""
        ...

    def helm(self) -> Helm:
        """Open it for those who steer runs that go on."""
        ...

    def desk(self) -> ApprovalDesk:
        """Open its journal for those who decide what runs ask."""
        ...


class StackPlace(Place, Protocol):
    """A place that takes requests."""

    def send(self, detail: Mapping[str, Json]) -> None:
        """Ask for a run; the detail has its session id, so that sending twice is once."""
        ...

    def deployment(self) -> "Deployment":
        """Give what it is made of, for whoever checks it."""
        ...

    def dead_letters(self) -> DeadLetters:
        """Open the task queue's dead letters."""
        ...

    def lost_requests(self) -> int:
        """Count the requests the bus took and could not hand on."""
        ...

    def advice(self) -> str:
        """Say where to look when a request was taken and no run came of it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """Which place a command line names."""

    stack: str | None = None
    profile: str | None = None
    region: str | None = None
    journal: str | None = None

    @property
    def is_local(self) -> bool:
        """Say whether it names nothing, which means the local stack."""
        return self == Aim()


def place_for_reading(aim: Aim, home: Home) -> Place:
    """Choose where to read: what the aim names, else the local stack, else the embedded journal.

    Raises:
        UsageError: The aim names two places, or one that is none.
        UnreachableError: The stack named is not there.
    """
    _check_one(aim)
    if aim.journal:
        return _journal(aim.journal, home)
    if aim.stack:
        return _stack(aim, aim.stack)
    embedded = home.root / "journal.db"
    if embedded.is_file() and read_state(home.state_file) is None:
        return _journal(f"{_SQLITE}{embedded}", home)
    # botocore takes longest to import: only what talks to a stack pays for it.
    from cli.local_place import LocalPlace  # noqa: PLC0415

    return LocalPlace(home)


def place_for_sending(aim: Aim, home: Home) -> StackPlace:
    """Choose where to send: what the aim names, else the local stack, up or not.

    Raises:
        UsageError: The aim names two places, or one that takes no requests.
        UnreachableError: The stack named is not there.
    """
    _check_one(aim)
    if aim.journal:
        path = _journal(aim.journal, home).path
        msg = (
            f"nothing watches the journal {path} for requests; send one to the agent that "
            'writes it: `agentcore invoke \'{"prompt": "…"}\'`'
        )
        raise UsageError(msg)
    if aim.stack:
        return _stack(aim, aim.stack)
    from cli.local_place import LocalPlace  # noqa: PLC0415 - see above

    return LocalPlace(home)


def mailbox_of(aim: Aim, home: Home) -> Path:
    """Give the folder in which the mails to deciders are.

    Raises:
        UsageError: The aim names a stack on AWS, which keeps none.
    """
    if aim.stack:
        msg = (
            f"--stack is {aim.stack!r}: what a stack on AWS tells deciders goes to the subscribers "
            "of its topic, and is not kept"
        )
        raise UsageError(msg)
    if aim.journal:
        return Path(_path(aim.journal)).expanduser().absolute().parent / MAILBOX
    return home.mailbox


def _check_one(aim: Aim) -> None:
    if aim.stack and aim.journal:
        msg = f"--stack {aim.stack!r} and --journal {aim.journal!r} name two places, expected one"
        raise UsageError(msg)
    if (aim.profile or aim.region) and not aim.stack:
        msg = "--profile and --region are for a stack on AWS; name it with --stack"
        raise UsageError(msg)


def _journal(given: str, home: Home) -> "FilePlace":
    from cli.file_place import FilePlace  # noqa: PLC0415 - nor do stacks pay for SQLite

    return FilePlace.at(_path(given), home)


def _stack(aim: Aim, name: str) -> StackPlace:
    from cli.aws_place import aws_place  # noqa: PLC0415 - see above

    return aws_place(name, profile=aim.profile, region=aim.region)


def _path(journal: str) -> str:
    path = journal.removeprefix(_SQLITE)
    if path == journal or not path:
        msg = f"--journal is {journal!r}, expected 'sqlite:PATH'"
        raise UsageError(msg)
    return path
