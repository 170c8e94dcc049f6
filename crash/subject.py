"""What is tested: one request to one workflow, the model that answers, and the journal."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from agent.registry import REGISTRY
from runs.json_types import Json
from runs.request import MAX_ATTEMPTS, MAX_DEADLINE_SECONDS, RunRequest
from runs.run import Run

#: Every run of a test has this id: what a workflow makes of its own id must not differ.
SESSION_ID = "00000000-0000-4000-8000-0000c4a54e57"
#: Names, to workflow and tools, the folder that stands for the world outside: files in it are
#: compared as results are. In an input the same word in braces is replaced by the folder.
OUTSIDE = "ERRAND_CRASH_OUTSIDE"
#: The answer to callbacks that no answer names.
ANY = ""


class JournalKind(StrEnum):
    """Where the journal is; a write is what that store takes as one."""

    #: A file. A write is a call of the journal's port.
    SQLITE = "sqlite"
    #: A table in the AWS emulator. A write is a call of the DynamoDB API.
    DYNAMODB = "dynamodb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A request, and how its runs are made."""

    workflow: str
    prompt: str
    input: str | None = None
    registry: Path = REGISTRY
    #: As in `ERRAND_MODEL`.
    model: str = "offline"
    journal: JournalKind = JournalKind.SQLITE
    #: What callbacks are answered with, by the name of their operation; `ANY` is all others.
    answers: Mapping[str, str] = field(default_factory=dict)

    def request(self, outside: Path, *, now: datetime) -> Run:
        """Give the run as it is accepted.

        Raises:
            InvalidRequestError: No invoker would take it.
        """
        given = self.input
        data: dict[str, Json] = {
            "workflow": self.workflow,
            "prompt": self.prompt,
            "input": None if given is None else given.replace(f"{{{OUTSIDE}}}", str(outside)),
            # A test may leap over days of waiting, and each of its deaths is an attempt.
            "deadline_seconds": MAX_DEADLINE_SECONDS,
            "max_attempts": MAX_ATTEMPTS,
        }
        request = RunRequest.from_json(
            data, source="crash-test", workflows={self.workflow}, session_id=SESSION_ID
        )
        return request.to_run(now)

    def to_json(self) -> dict[str, Json]:
        """Give the subject for another process."""
        return {
            "workflow": self.workflow,
            "prompt": self.prompt,
            "input": self.input,
            "registry": str(self.registry),
            "model": self.model,
            "journal": self.journal.value,
            "answers": dict(self.answers),
        }

    @classmethod
    def from_json(cls, shape: Mapping[str, Any]) -> "Subject":
        """Read what `to_json` gave."""
        made = cls(**{**shape, "registry": Path(shape["registry"])})
        return replace(made, journal=JournalKind(shape["journal"]))


def enter(outside: Path) -> None:
    """Tell workflow and tools of this process which folder stands for the world outside."""
    outside.mkdir(parents=True, exist_ok=True)
    os.environ[OUTSIDE] = str(outside)
