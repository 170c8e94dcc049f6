"""What a supervisor is started with, as its one command line argument."""

import json
from dataclasses import dataclass
from pathlib import Path

from local.home import Home
from runs.json_types import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorSettings:
    """What a supervisor is started with."""

    home: Home
    agent_port: int
    #: Preferred: another one is taken if somebody listens there.
    agentcore_port: int
    #: Preferred, too.
    unitok_port: int
    #: And this.
    mailbox_port: int
    emulator_python: Path
    assembly: Path

    def to_text(self) -> str:
        """Write it as an argument."""
        data: dict[str, Json] = {
            "root": str(self.home.root),
            "tools": str(self.home.tools),
            "agent_port": self.agent_port,
            "agentcore_port": self.agentcore_port,
            "unitok_port": self.unitok_port,
            "mailbox_port": self.mailbox_port,
            "emulator_python": str(self.emulator_python),
            "assembly": str(self.assembly),
        }
        return json.dumps(data)

    @classmethod
    def from_text(cls, text: str) -> "SupervisorSettings":
        """Read what `to_text` wrote."""
        data = json.loads(text)
        return cls(
            home=Home(root=Path(data["root"]), tools=Path(data["tools"])),
            agent_port=data["agent_port"],
            agentcore_port=data["agentcore_port"],
            unitok_port=data["unitok_port"],
            mailbox_port=data["mailbox_port"],
            emulator_python=Path(data["emulator_python"]),
            assembly=Path(data["assembly"]),
        )
