"""Building and running images with what OCI tool there is: podman, or docker with an engine."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

_TOOLS = ("podman", "docker")
#: Building under emulation takes minutes, and starting a good part of one.
_GIVE_UP_SECONDS = 1_800
_TAIL_CHARACTERS = 3_000


class OciError(Exception):
    """A command of the tool failed."""


@dataclass(frozen=True)
class Oci:
    """A tool that builds and runs images; podman and docker are called alike."""

    tool: str

    @classmethod
    def find(cls) -> "Oci | None":
        """Find a tool that works: docker's client alone does not."""
        tools = (path for name in _TOOLS if (path := shutil.which(name)))
        return next((cls(tool) for tool in tools if cls(tool)._works()), None)

    def has(self, image: str) -> bool:
        """Whether an image is here, so that nothing has to be fetched."""
        return self._run(("image", "inspect", image), check=False).returncode == 0

    def call(self, *arguments: str) -> str:
        """Run a command of the tool and give what it printed.

        Raises:
            OciError: It failed; the message ends with what it said.
        """
        return self._run(arguments).stdout.strip()

    def _works(self) -> bool:
        return self._run(("info",), check=False).returncode == 0

    def _run(
        self, arguments: Sequence[str], *, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        ended = subprocess.run(  # noqa: S603 - the user's own tool
            [self.tool, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIVE_UP_SECONDS,
            text=True,
            check=False,
            env=os.environ,
        )
        if check and ended.returncode:
            said = (ended.stdout + ended.stderr)[-_TAIL_CHARACTERS:]
            msg = f"{self.tool} {' '.join(arguments)} ended with code {ended.returncode}: {said}"
            raise OciError(msg)
        return ended


@dataclass(frozen=True)
class Container:
    """A running container whose port 8080 is published on loopback."""

    oci: Oci
    id: str
    port: int

    def exec(self, *command: str) -> str:
        """Run a command inside, as the image's user."""
        return self.oci.call("exec", self.id, *command)

    def ping(self) -> str | None:
        """Ask for its health; None while nobody answers."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=5) as answer:
                return str(json.load(answer)["status"])
        except (OSError, HTTPException):
            return None

    def invoke(self, payload: object) -> Any:  # noqa: ANN401 - any JSON
        """Send a payload and give the answer."""
        request = Request(
            f"http://127.0.0.1:{self.port}/invocations",
            data=json.dumps(payload).encode(),
            headers={"content-type": "application/json"},
        )
        with urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
            return json.load(answer)

    def stop(self, *, seconds: int) -> int:
        """Tell it to end, kill it when the time is up, and give its exit code."""
        self.oci.call("stop", "--time", str(seconds), self.id)
        return int(self.oci.call("inspect", "--format", "{{.State.ExitCode}}", self.id))

    @cached_property
    def healthcheck(self) -> list[str]:
        """The image's own check of its health."""
        found = self.oci.call("inspect", "--format", "{{json .Config.Healthcheck.Test}}", self.id)
        kind, *command = json.loads(found)
        assert kind == "CMD"
        return [str(each) for each in command]


def build(oci: Oci, project: Path, *, platform: str, tag: str) -> str:
    """Build the project's Dockerfile and give the image's name."""
    # Podman's own format has no HEALTHCHECK.
    own = ("--format", "docker") if Path(oci.tool).name == "podman" else ()
    oci.call("build", *own, "--platform", platform, "--tag", tag, str(project))
    return tag
