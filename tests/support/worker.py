"""A worker whose clock may be apart, and whose threads may be held: a composition root.

Run as `python -m tests.support.worker`, and as a process of its own by `Worker`.
"""

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
from botocore.config import Config as BotoConfig

from agent import logs, threads
from agent.app import make_app
from agent.composition import serve
from agent.config import Config, FolderTarget, SqliteTarget
from agent.registry import Registry
from agent.runner import Runner
from agent.settling import Settler
from runs.artifacts.base import ArtifactStore
from runs.artifacts.folder import FolderStore
from runs.journal.base import Journal
from runs.journal.dynamodb import DynamoJournal
from runs.journal.sqlite import SqliteJournal
from runs.signals import NoSignal
from tests.support import holding
from tests.support.agent_server import AgentServer

REGISTRY_FILE = Path(__file__).with_name("two_workers.toml")
CLOCK_AHEAD = "TEST_CLOCK_AHEAD"
#: Quick to find out that nobody answers.
_CLIENT = BotoConfig(
    connect_timeout=0.3, read_timeout=0.3, retries={"mode": "standard", "total_max_attempts": 2}
)


@dataclass
class Worker(AgentServer):
    """A worker process: an agent server with this composition root."""

    name: str = "worker"
    command: tuple[str, ...] = field(default=("-m", "tests.support.worker"))

    @property
    def log(self) -> Path:
        """Give the file its output goes to: of several workers each has one."""
        return self.folder / f"{self.name}.log"

    def is_stopped(self) -> bool:
        """Say whether the process is stopped by a signal."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8")
        return stat.rpartition(")")[2].split()[0] == "T"


def main() -> None:
    """Serve."""
    config = Config.from_env(os.environ)
    logs.configure(debug=config.debug)
    ahead = timedelta(seconds=float(os.environ.get(CLOCK_AHEAD, "0")))
    if folder := os.environ.get(holding.FOLDER):
        place = Path(folder)
        threads.start("stop", lambda: holding.stop_when_asked(place), on_crash=lambda _: None)
    artifacts = _artifacts(config)
    journal: Journal = holding.HoldingJournal(_journal(config, artifacts))
    runner = Runner(
        journal=journal,
        artifacts=artifacts,
        registry=Registry.load(REGISTRY_FILE),
        settler=Settler(journal=journal, signal=NoSignal()),
        limits=config.limits,
        model=replace(config.model, tap=holding.held_model),
        clock=lambda: datetime.now(UTC) + ahead,
    )
    polls = isinstance(config.journal, SqliteTarget)
    serve(make_app(runner, debug=False, polls=polls), port=config.port)


def _artifacts(config: Config) -> ArtifactStore:
    assert isinstance(config.artifacts, FolderTarget)
    return holding.HoldingStore(FolderStore(config.artifacts.root))


def _journal(config: Config, artifacts: ArtifactStore) -> Journal:
    if isinstance(config.journal, SqliteTarget):
        return SqliteJournal(config.journal.path, artifacts=artifacts)
    client = boto3.client("dynamodb", config=_CLIENT)
    return DynamoJournal(client, table=config.journal.table, artifacts=artifacts)


if __name__ == "__main__":
    main()
