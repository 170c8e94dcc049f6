"""What runs, as the supervisor tells it: one small file, replaced whole at each change."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from local.errors import StackStateError
from local.ports import LOOPBACK
from local.processes import ProcessId, is_running
from runs.json_types import Json

FORMAT = 1


class Phase(StrEnum):
    """Where a stack is in its life; without a state file it is down."""

    #: Its processes are coming up; `step` says which.
    STARTING = "STARTING"
    #: Everything answers.
    UP = "UP"
    #: Something went wrong that the supervisor can't mend; `error` says what.
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the stack's servers listen on loopback."""

    agent: int
    agentcore: int
    emulator: int
    #: 0 where the stack was started before there was one.
    unitok: int = 0
    mailbox: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StackState:
    """One local stack."""

    phase: Phase
    step: str
    supervisor: ProcessId
    ports: Ports
    error: str | None = None
    emulator: ProcessId | None = None
    agent: ProcessId | None = None
    #: How often the agent died and was started again.
    agent_restarts: int = 0
    stack_name: str | None = None
    #: The stack's CloudFormation outputs.
    outputs: Mapping[str, str] = field(default_factory=dict)
    #: What `ERRAND_MODEL` was when the agent was started; None means the agent's default.
    model: str | None = None

    @property
    def endpoint(self) -> str:
        """The emulator, as an AWS SDK's endpoint URL."""
        return f"http://{LOOPBACK}:{self.ports.emulator}"

    @property
    def agentcore_url(self) -> str:
        """The stand-in for AgentCore, as an AWS SDK's endpoint URL."""
        return f"http://{LOOPBACK}:{self.ports.agentcore}"

    @property
    def agent_url(self) -> str:
        """The agent's own server."""
        return f"http://{LOOPBACK}:{self.ports.agent}"

    @property
    def unitok_url(self) -> str:
        """The page of UniTok, and its API."""
        return f"http://{LOOPBACK}:{self.ports.unitok}"

    @property
    def mailbox_url(self) -> str:
        """The page with what deciders were told."""
        return f"http://{LOOPBACK}:{self.ports.mailbox}"

    @property
    def processes(self) -> dict[str, ProcessId]:
        """The recorded processes by name, the supervisor first."""
        named = {"supervisor": self.supervisor, "emulator": self.emulator, "agent": self.agent}
        return {name: process for name, process in named.items() if process}

    def as_seen_now(self) -> "StackState":
        """Give the state as it is, should the supervisor have died before it could say so."""
        if self.phase is Phase.FAILED or is_running(self.supervisor):
            return self
        error = (
            f"the stack's supervisor (pid {self.supervisor.pid}) is gone; "
            "`errand up` starts a new stack, `errand down` cleans up"
        )
        return replace(self, phase=Phase.FAILED, error=error)

    def to_json(self) -> dict[str, Json]:
        """Give what the state file holds."""
        return {
            "format": FORMAT,
            "phase": self.phase,
            "step": self.step,
            "error": self.error,
            "ports": {
                "agent": self.ports.agent,
                "agentcore": self.ports.agentcore,
                "emulator": self.ports.emulator,
                "unitok": self.ports.unitok,
                "mailbox": self.ports.mailbox,
            },
            "processes": {
                name: {"pid": process.pid, "started": process.started}
                for name, process in self.processes.items()
            },
            "agent_restarts": self.agent_restarts,
            "stack_name": self.stack_name,
            "outputs": dict(self.outputs),
            "model": self.model,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "StackState":
        """Read what `to_json` gave.

        Raises:
            ValueError: It is of another format.
        """
        if data.get("format") != FORMAT:
            msg = f"format is {data.get('format')!r}, expected {FORMAT}"
            raise ValueError(msg)
        processes = {name: ProcessId(**value) for name, value in data["processes"].items()}
        return cls(
            phase=Phase(data["phase"]),
            step=data["step"],
            error=data["error"],
            ports=Ports(**data["ports"]),
            supervisor=processes["supervisor"],
            emulator=processes.get("emulator"),
            agent=processes.get("agent"),
            agent_restarts=data["agent_restarts"],
            stack_name=data["stack_name"],
            outputs=data["outputs"],
            model=data["model"],
        )


def read_state(path: Path) -> StackState | None:
    """Read the state file; None when there is none.

    Raises:
        StackStateError: It is damaged, or another version's.
    """
    try:
        return StackState.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StackStateError(path, f"{type(error).__name__} {error}") from error


def write_state(path: Path, state: StackState) -> None:
    """Replace the state file; a reader sees the old state or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The supervisor is the only writer, so the name need not be unique.
    draft = path.with_suffix(".json.tmp")
    draft.write_text(json.dumps(state.to_json(), indent=2) + "\n", encoding="utf-8")
    draft.replace(path)
