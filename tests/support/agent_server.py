"""The agent server with the workflows of the tests: a composition root, as `agent.main` is.

Run as `python -m tests.support.agent_server`, and as a process of its own by `AgentServer`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

from agent import logs
from agent.composition import compose, serve
from agent.config import Config
from agent.registry import Registry
from local.ports import free_port
from runs.artifacts.folder import FolderStore
from runs.journal.sqlite import SqliteJournal
from runs.run import Run
from tests.support.engine import wait_until
from tests.support.workflows import REGISTRY_FILE

ROOT = Path(__file__).parents[2]
SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"


@dataclass
class AgentServer:
    """An agent process on a free port, over a journal that other processes share."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ("-m", "tests.support.agent_server")
    cwd: Path = ROOT
    #: Where it listens; any free port, if nobody has to know before it is there.
    port: int = 0

    def __enter__(self) -> Self:
        """Start, and wait for the first ping."""
        self.port = self.port or free_port()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - this interpreter, our own module
                [sys.executable, *self.command],
                cwd=self.cwd,
                env=clean_environ(os.environ) | self._variables() | self.environ,
                stdout=log,
                stderr=log,
            )
        wait_until(self._is_up, seconds=60)
        return self

    def __exit__(self, *_error: object) -> None:
        """End it the hard way, if it still runs."""
        self.process.kill()
        self.process.wait()

    @property
    def log(self) -> Path:
        """Give the file its output goes to."""
        return self.folder / "agent.log"

    @property
    def notes(self) -> Path:
        """Give the file into which workflows write what they do."""
        return self.folder / "notes.txt"

    def ping(self) -> str:
        """Ask for its health."""
        status, body = self._request("GET", "/ping")
        assert status == HTTPStatus.OK
        return str(body["status"])

    def invoke(
        self, payload: object, *, session: str | None = None, **headers: str
    ) -> tuple[int, Any]:
        """Send a payload, and give the status and the answer."""
        return self._request("POST", "/invocations", payload, session=session, **headers)

    def start(self, session: str, workflow: str, prompt: str, **more: object) -> None:
        """Start a run, which must be taken."""
        payload = {"prompt": prompt, "workflow": workflow, "input": str(self.notes), **more}
        status, body = self.invoke({"session_id": session, **payload})
        assert (status, body["status"]) == (HTTPStatus.OK, "STARTED")

    @contextmanager
    def journal(self) -> Iterator[SqliteJournal]:
        """Open its journal, as another process does."""
        journal = SqliteJournal(self._journal, artifacts=FolderStore(self.folder / "artifacts"))
        try:
            yield journal
        finally:
            journal.close()

    def head(self, session: str) -> Run | None:
        """Read a head, as another process does."""
        with self.journal() as journal:
            return journal.get(session)

    def wait_for_end(self, session: str, *, seconds: float = 30) -> Run:
        """Wait for a run to end."""
        wait_until(lambda: (run := self.head(session)) and run.status.is_terminal, seconds=seconds)
        run = self.head(session)
        assert run is not None
        return run

    @property
    def _journal(self) -> Path:
        return self.folder / "journal.db"

    def _variables(self) -> dict[str, str]:
        return {
            "ERRAND_JOURNAL": f"sqlite:{self._journal}",
            "ERRAND_ARTIFACTS": str(self.folder / "artifacts"),
            "ERRAND_LEASE_SECONDS": "1",
            "ERRAND_MODEL": "offline",
            "PORT": str(self.port),
        }

    def _is_up(self) -> bool:
        assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
        try:
            return self.ping() in {"Healthy", "HealthyBusy"}
        except (OSError, HTTPException):
            return False

    def _request(
        self,
        method: str,
        path: str,
        payload: object = None,
        *,
        session: str | None = None,
        **headers: str,
    ) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        try:
            if session:
                headers[SESSION_HEADER] = session
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


def clean_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Give an environment without what would steer an agent or reach an account."""
    steering = ("AWS_", "ERRAND_", "DOCKER_", "COVERAGE_")
    return {name: value for name, value in environ.items() if not name.startswith(steering)}


def main() -> None:
    """Serve."""
    config = Config.from_env(os.environ)
    logs.configure(debug=config.debug)
    app = compose(config, Registry.load(REGISTRY_FILE))
    serve(app, port=config.port)


if __name__ == "__main__":
    main()
