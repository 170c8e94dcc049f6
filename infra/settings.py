"""What a deployment is made with."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from infra.given import Given, check_names
from infra.inputs import Inputs
from infra.receivers import check_receivers
from infra.scheduled import Schedule
from statemachine.definition import Pace

PROJECT = Path(__file__).resolve().parents[1]
#: Read as data: the infrastructure knows the names of the workflows, and imports none of them.
REGISTRY = PROJECT / "agent" / "workflows" / "registry.toml"

#: As senders know it.
TASK_QUEUE = "post-generator-task-queue"
#: The stage whose data outlive mistakes.
PROD = "prod"
#: The model of the agent itself where it is told none, on Bedrock.
DEFAULT_MODEL = "global.anthropic.claude-sonnet-4-6"

#: How long an AgentCore session may live, and what it needs beyond the run: its start, and ending.
_LONGEST_SESSION = timedelta(hours=8)
_MARGIN = timedelta(minutes=15)
_SHORTEST_RUN = timedelta(minutes=1)

#: As much as tells an address from a slip; the mail that confirms it proves the rest.
_ADDRESS = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+")
_STAGE = re.compile(r"[a-z][a-z0-9-]{0,19}")
_STAGE_EXPECTED = "at most 20 lower case letters, digits and '-', a letter first"
_MODEL = re.compile(r"[a-z0-9][A-Za-z0-9.:-]+")
_URL = re.compile(r"https?://[^\s/]+(/\S*)?")


class Target(StrEnum):
    """Where the template is for."""

    LOCAL = "local"
    AWS = "aws"


class Artifact(StrEnum):
    """What the agent is deployed as."""

    #: A zip of the code and its wheels; needs no Docker.
    CODE = "code"
    #: An image, made from the Dockerfile when it is deployed.
    CONTAINER = "container"


class Keys(StrEnum):
    """Whose keys encrypt what is kept."""

    #: AWS's, at no charge.
    AWS = "aws"
    #: One of the stack's own, whose use CloudTrail tells.
    OWN = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the stack asks for; nothing else differs between deployments."""

    target: Target
    stage: str
    workflows: tuple[str, ...]
    pace: Pace
    #: How long the agent has to claim a run before it is handed over again; doubles each time.
    redispatch_seconds: int
    artifact: Artifact = Artifact.CODE
    #: A model or an inference profile on Bedrock.
    model: str = DEFAULT_MODEL
    #: How long one session works on a run at most; a longer run goes on in another one.
    longest_run: timedelta = _LONGEST_SESSION - _MARGIN
    keys: Keys = Keys.AWS
    #: What the agent may read besides what is its own.
    inputs: Inputs = field(default_factory=Inputs)
    #: Where `marketing-post` publishes.
    unitok: str | None = None
    #: When to ask for a run without anybody asking; None makes no schedule.
    schedule: Schedule | None = None
    #: Whether there is also a Lambda durable function that executes the workflows.
    durable: bool = True
    #: Who is told by e-mail that a decision is asked for; others may subscribe to the topic.
    notify: tuple[str, ...] = ()
    #: Where events are posted to, signed.
    webhooks: tuple[str, ...] = ()
    #: Who is told by e-mail of alarms.
    operators: tuple[str, ...] = ()
    #: An alarm tells of a day whose model calls cost more, in US dollars.
    daily_cost: Decimal = Decimal(50)
    #: Where the runbook is: what alarms tell operators to read.
    runbook: str = "docs/operations.md"

    def __post_init__(self) -> None:
        _check("stage", self.stage, _STAGE, _STAGE_EXPECTED)
        _check("model", self.model, _MODEL, "the id of a model or inference profile on Bedrock")
        if not self.workflows:
            msg = "there are no workflows, expected at least one line in the registry"
            raise ValueError(msg)
        _check_addresses("notify", self.notify)
        _check_addresses("operators", self.operators)
        check_receivers(self.webhooks, is_local=self.is_local)
        if self.daily_cost <= 0:
            msg = f"daily-cost is {self.daily_cost}, expected US dollars, more than 0"
            raise ValueError(msg)
        if not _SHORTEST_RUN <= self.longest_run <= _LONGEST_SESSION - _MARGIN:
            msg = f"longest-run is {self.longest_run}, expected 1m to 7h45m"
            raise ValueError(msg)
        if self.unitok is not None:
            _check("unitok", self.unitok, _URL, "an address that begins with http:// or https://")
        if self.schedule is not None and self.is_local:
            msg = "schedule is for target aws: the emulator runs none"
            raise ValueError(msg)

    @classmethod
    def from_context(
        cls, context: Mapping[str, object], *, registry: Path = REGISTRY
    ) -> "Settings":
        """Make the settings of a deployment from the CDK context.

        Args:
            context: Values by the names in `CONTEXT`. What is missing has a default, but `target`.
            registry: The file that names the workflows.

        Raises:
            ValueError: A value is not one of those expected.
        """
        check_names(context, CONTEXT)
        given = Given(context)
        target = given.one_of("target", Target)
        is_local = target is Target.LOCAL
        return cls(
            target=target,
            stage=given.text("stage") or ("local" if is_local else "dev"),
            workflows=workflow_names(registry),
            pace=_PACES[target],
            redispatch_seconds=3 if is_local else 20,
            artifact=given.one_of("artifact", Artifact, default=Artifact.CODE),
            model=given.text("model") or DEFAULT_MODEL,
            longest_run=given.duration("longest-run", default=_LONGEST_SESSION - _MARGIN),
            keys=given.one_of("kms", Keys, default=Keys.AWS),
            inputs=Inputs.parse(given.words("inputs")),
            unitok=given.text("unitok"),
            schedule=Schedule.parse(given),
            durable=given.switch("durable", default=True),
            notify=given.words("notify"),
            webhooks=given.words("webhook"),
            operators=given.words("operators"),
            daily_cost=given.number("daily-cost", default=Decimal(50)),
            runbook=given.text("runbook") or "docs/operations.md",
        )

    @property
    def stack_name(self) -> str:
        """The name of the CloudFormation stack."""
        return f"errand-{self.stage}"

    @property
    def machine_name(self) -> str:
        """The name of the state machine."""
        return self.stack_name

    @property
    def task_queue_name(self) -> str:
        """The name of the task queue; further stages of an account have one of their own."""
        is_first = self.stage in {"local", "dev"}
        return f"{TASK_QUEUE}{'' if is_first else f'-{self.stage}'}"

    @property
    def is_local(self) -> bool:
        """Whether the template is for the emulator."""
        return self.target is Target.LOCAL

    @property
    def is_prod(self) -> bool:
        """Whether what is kept outlives the stack, and can't be deleted by a slip."""
        return self.stage == PROD

    @property
    def longest_session(self) -> timedelta:
        """How long a session of the agent may live."""
        return self.longest_run + _MARGIN


#: The names of the context that mean something here.
CONTEXT = frozenset(
    {
        "artifact",
        "daily-cost",
        "durable",
        "inputs",
        "kms",
        "longest-run",
        "model",
        "notify",
        "operators",
        "runbook",
        "schedule",
        "schedule-request",
        "stage",
        "target",
        "unitok",
        "webhook",
    }
)


def workflow_names(registry: Path) -> tuple[str, ...]:
    """Read the names of the workflows from a registry file."""
    return tuple(sorted(tomllib.loads(registry.read_text(encoding="utf-8"))))


def _check_addresses(name: str, addresses: tuple[str, ...]) -> None:
    for address in addresses:
        if not _ADDRESS.fullmatch(address):
            msg = f"{name} has {address!r}, expected e-mail addresses, with ',' between them"
            raise ValueError(msg)


def _check(name: str, value: str, shape: re.Pattern[str], expected: str) -> None:
    if not shape.fullmatch(value):
        msg = f"{name} is {value!r}, expected {expected}"
        raise ValueError(msg)


#: 800 turns of at most 22 history events leave a quarter of an execution's 25,000 to retries.
_PACES = {
    Target.LOCAL: Pace(
        poll_seconds=3,
        work_seconds=3,
        silence_seconds=2,
        waiting_seconds=10,
        parked_seconds=30,
        grace_seconds=60,
        max_turns=800,
    ),
    Target.AWS: Pace(
        poll_seconds=30,
        work_seconds=900,
        silence_seconds=75,
        waiting_seconds=600,
        parked_seconds=3 * 3600,
        grace_seconds=900,
        max_turns=800,
    ),
}
