"""The local stack as a place: found anew each time, because it may have been started again."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.config import Config

from cli.dead_letters import DeadLetters
from cli.desk import ApprovalDesk
from cli.errors import LostError, UnreachableError
from cli.helm import Helm
from cli.operating import Operator
from cli.reader import RunReader
from cli.stack import Client, Stack
from local.clients import local_session
from local.environment import CREDENTIALS, REGION
from local.home import Home
from local.processes import is_running
from local.stack import status
from local.state import Phase, StackState
from runs.artifacts.folder import FolderStore
from runs.json_types import Json

if TYPE_CHECKING:
    from cli.deployment import Deployment
    from runs.sweeper import Swept

#: A person is waiting, and whoever watches asks again anyway: a stack that died is told at once.
_CONFIG = Config(
    proxies={},
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 2},
)
#: A cancellation waits for the agent's answer, and the agent may be starting again.
_PATIENT = _CONFIG.merge(Config(read_timeout=60, retries={"total_max_attempts": 1}))

_PATIENCE = timedelta(minutes=1)


class LocalPlace:
    """See `cli.places.StackPlace`."""

    is_remote = False
    is_usual = True
    name = "the local stack"

    def __init__(self, home: Home) -> None:
        self._home = home

    def reader(self) -> RunReader:
        """See `Place.reader`."""
        return self._stack().reader()

    def send(self, detail: Mapping[str, Json]) -> None:
        """See `StackPlace.send`."""
        self._stack().send(detail)

    def cancel(self, session_id: str, *, reason: str) -> None:
        """See `Place.cancel`."""
        self._stack().cancel(session_id, reason=reason)

    def desk(self) -> ApprovalDesk:
        """See `Place.desk`."""
        return self._stack().desk()

    def helm(self) -> Helm:
        """See `Place.helm`."""
        return self._stack().helm()

    def operator(self) -> Operator:
        """See `Place.operator`."""
        return self._stack().operator()

    def deployment(self) -> "Deployment":
        """See `StackPlace.deployment`."""
        return self._stack().deployment()

    def sweep(self, *, is_dry: bool) -> "Swept":
        """See `Place.sweep`."""
        return self._stack().sweep(is_dry=is_dry)

    def dead_letters(self) -> DeadLetters:
        """See `StackPlace.dead_letters`."""
        return self._stack().dead_letters()

    def lost_requests(self) -> int:
        """See `StackPlace.lost_requests`."""
        return self._stack().lost_requests()

    def advice(self) -> str:
        """See `StackPlace.advice`."""
        return f"look at {self._home.logs}, and run `errand doctor`"

    def _stack(self) -> Stack:
        state = _readable(status(self._home))
        endpoint = state.endpoint
        return Stack(
            name=self.name,
            stack_name=state.stack_name or "",
            outputs=state.outputs,
            clients=lambda service: client_of(service, endpoint),
            artifacts=FolderStore(self._home.artifacts),
            remedy=lambda _: "`errand doctor` looks into it",
            # Its state machine looks ten times as often as on AWS.
            patience=_PATIENCE,
        )


def _readable(state: StackState | None) -> StackState:
    if state is None:
        msg = "the local stack is down; `errand up` starts it"
        raise UnreachableError(msg)
    if state.phase is Phase.STARTING:
        msg = f"the local stack is coming up: {state.step}"
        raise UnreachableError(msg)
    # Without its supervisor the emulator may still be there, and with it the journal.
    if state.phase is Phase.FAILED and not (state.emulator and is_running(state.emulator)):
        msg = f"the local stack has failed: {state.error}"
        raise LostError(msg)
    return state


def client_of(service: str, endpoint: str) -> Client:
    """Make a client of the emulator that gives up while a person still waits."""
    client: Client = local_session().create_client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=_PATIENT if service == "lambda" else _CONFIG,
    )
    return client
