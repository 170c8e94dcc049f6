"""The agent's server as a child process: how it is told about the stack, and kept alive."""

import logging
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.environment import without_aws
from local.errors import ModelNotLocalError
from local.health import wait_until_healthy
from local.home import PROJECT
from local.ports import LOOPBACK
from local.processes import Child, spawn
from runs.telemetry.meter import STAGE_VARIABLE

logger = logging.getLogger(__name__)

HEALTH_PATH = "/ping"
#: The stage of a stack on a laptop, as its template has it.
STAGE = "local"
#: A killed worker's run is taken over after this, so it is short where somebody watches.
LEASE_SECONDS = 6
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """What the agent is told."""

    port: int
    table: str
    #: The ARN of the state machine that watches child runs.
    state_machine: str
    artifacts: Path
    #: The emulator.
    endpoint: str
    #: Where posts are published, unless the user's environment names another place.
    unitok_url: str
    log_file: Path


def check_model(environ: Mapping[str, str]) -> str | None:
    """Give the model the agent will use, as `ERRAND_MODEL` has it.

    Raises:
        ModelNotLocalError: It is one of Amazon Bedrock's.
    """
    model = environ.get("ERRAND_MODEL") or None
    if model and model.split(":")[0] == "bedrock":
        raise ModelNotLocalError(model)
    return model


def start_agent(settings: AgentSettings, *, environ: Mapping[str, str]) -> Child:
    """Start an agent; `wait_for_agent` tells when it can be called."""
    return spawn(
        "the agent",
        [sys.executable, "-m", "agent"],
        environ={
            **without_aws(environ),
            "UNITOK_API_URL": environ.get("UNITOK_API_URL") or settings.unitok_url,
            "AWS_ENDPOINT_URL": settings.endpoint,
            "ERRAND_JOURNAL": f"dynamodb:{settings.table}",
            "ERRAND_STATE_MACHINE": settings.state_machine,
            "ERRAND_ARTIFACTS": str(settings.artifacts),
            "ERRAND_LEASE_SECONDS": str(LEASE_SECONDS),
            # In the log file, metrics are as on AWS.
            STAGE_VARIABLE: STAGE,
            "PORT": str(settings.port),
            # Where the SDK takes the machine for a container, it would listen to all the world.
            "ERRAND_HOST": LOOPBACK,
            "PYTHONUNBUFFERED": "1",
        },
        log_file=settings.log_file,
        cwd=PROJECT,
    )


def wait_for_agent(child: Child, settings: AgentSettings) -> None:
    """Return when the agent answers.

    Raises:
        ProcessStartError: It ended, or did not answer in time.
    """
    wait_until_healthy(child, port=settings.port, path=HEALTH_PATH)


class AgentKeeper:
    """Starts the agent again when it has died, as AgentCore would start a new microVM.

    At once if it had been working; ever later if it dies before it answers, because then starting
    it again is not likely to help.
    """

    def __init__(
        self,
        child: Child,
        *,
        start: Callable[[], Child],
        is_healthy: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.child = child
        self.restarts = 0
        self._start = start
        self._is_healthy = is_healthy
        self._clock = clock
        self._was_healthy = True
        self._delay = _FIRST_DELAY
        self._start_at: float | None = None

    def look(self) -> bool:
        """Do what is to be done now; tell whether there is a new process."""
        if not self.child.has_ended:
            self._was_healthy = self._was_healthy or self._is_healthy()
            return False
        if self._start_at is None:
            self._start_at = self._clock() + self._next_delay()
        if self._clock() < self._start_at:
            return False
        self._restart()
        return True

    def _next_delay(self) -> float:
        self._delay = _FIRST_DELAY if self._was_healthy else min(self._delay * 2, _LONGEST_DELAY)
        logger.warning(
            "the agent died, starting it again",
            extra={"exit_code": self.child.popen.returncode, "in_seconds": self._delay},
        )
        return self._delay

    def _restart(self) -> None:
        self.child = self._start()
        self.restarts += 1
        self._was_healthy = False
        self._start_at = None
