"""What a deployment is made with."""

import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from statemachine.definition import Pace

PROJECT = Path(__file__).resolve().parents[1]
#: Read as data: the infrastructure knows the names of the workflows, and imports none of them.
REGISTRY = PROJECT / "agent" / "workflows" / "registry.toml"

#: As much as tells an address from a slip; the mail that confirms it proves the rest.
_ADDRESS = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+")
_STAGE = re.compile(r"[a-z][a-z0-9-]{0,19}")


#: As senders know it.
TASK_QUEUE = "post-generator-task-queue"


class Target(StrEnum):
    """Where the template is for."""

    LOCAL = "local"
    AWS = "aws"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the stack asks for; nothing else differs between deployments."""

    target: Target
    stage: str
    workflows: tuple[str, ...]
    pace: Pace
    #: How long the agent has to claim a run before it is handed over again; doubles each time.
    redispatch_seconds: int
    #: Who is told by e-mail that a decision is asked for; others may subscribe to the topic.
    notify: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _STAGE.fullmatch(self.stage):
            msg = (
                f"stage is {self.stage!r}, expected at most 20 lower case letters, digits and "
                "'-', a letter first"
            )
            raise ValueError(msg)
        if not self.workflows:
            msg = "there are no workflows, expected at least one line in the registry"
            raise ValueError(msg)
        for address in self.notify:
            if not _ADDRESS.fullmatch(address):
                msg = f"notify has {address!r}, expected e-mail addresses, with ',' between them"
                raise ValueError(msg)

    @classmethod
    def from_context(
        cls,
        *,
        target: str | None,
        stage: str | None,
        notify: str | None = None,
        registry: Path = REGISTRY,
    ) -> "Settings":
        """Make the settings of a target from the CDK context.

        Raises:
            ValueError: A value is not one of those expected.
        """
        if target not in set(Target):
            msg = f"context 'target' is {target!r}, expected one of: {', '.join(Target)}"
            raise ValueError(msg)
        chosen = Target(target)
        return cls(
            target=chosen,
            stage=stage or ("local" if chosen is Target.LOCAL else "dev"),
            workflows=workflow_names(registry),
            pace=_PACES[chosen],
            redispatch_seconds=3 if chosen is Target.LOCAL else 20,
            notify=tuple(filter(None, (each.strip() for each in (notify or "").split(",")))),
        )

    @property
    def stack_name(self) -> str:
        """The name of the CloudFormation stack."""
        return f"errand-{self.stage}"

    @property
    def task_queue_name(self) -> str:
        """The name of the task queue; further stages of an account have one of their own."""
        is_first = self.stage in {"local", "dev"}
        return f"{TASK_QUEUE}{'' if is_first else f'-{self.stage}'}"

    @property
    def is_local(self) -> bool:
        """Whether the template is for the emulator."""
        return self.target is Target.LOCAL


def workflow_names(registry: Path) -> tuple[str, ...]:
    """Read the names of the workflows from a registry file."""
    return tuple(sorted(tomllib.loads(registry.read_text(encoding="utf-8"))))


#: 800 turns of at most 22 history events leave a quarter of an execution's 25,000 to retries.
_PACES = {
    Target.LOCAL: Pace(
        poll_seconds=3, waiting_seconds=10, parked_seconds=30, grace_seconds=60, max_turns=800
    ),
    Target.AWS: Pace(
        poll_seconds=30,
        waiting_seconds=600,
        parked_seconds=3 * 3600,
        grace_seconds=900,
        max_turns=800,
    ),
}
