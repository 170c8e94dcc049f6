"""The Dockerfile, built and run for real where there is a tool for it and the base images.

`podman pull` (or `docker pull`) the two base images once; ERRAND_TEST_PLATFORM=linux/arm64 builds
and runs what AgentCore runs, natively or under emulation.
"""

import os
import platform
import re
from collections.abc import Iterator

import pytest

from infra.interpreter import PYTHON
from infra.settings import PROJECT
from local.ports import free_port
from tests.support.engine import wait_until
from tests.support.oci import Container, Oci, build

ARCHITECTURES = {"x86_64": "linux/amd64", "aarch64": "linux/arm64", "arm64": "linux/arm64"}
#: Under emulation a start takes a good part of a minute, and so does a run.
PATIENCE_SECONDS = 240.0
#: What AgentCore documents for an end.
END_SECONDS = 15
SIGKILL = 137
STATUS = """
import sys
from pathlib import Path
from runs.artifacts.folder import FolderStore
from runs.journal.sqlite import SqliteJournal
artifacts = FolderStore(Path(".errand/artifacts"))
run = SqliteJournal(Path(".errand/journal.db"), artifacts=artifacts).get(sys.argv[1])
print(run.status if run else "")
"""
#: All that is in the image and that its user could change, were it to run on.
WRITABLE = "find /app -writable -not -type l | head -n 3"
UNCOMPILED = """
import sys, agent.main
print([name for name, module in sys.modules.items()
       if (cached := getattr(module, "__cached__", None)) and cached.startswith("/app")
       and not __import__("os").path.exists(cached)])
"""

pytestmark = pytest.mark.timeout(1_800)


def base_images() -> list[str]:
    return re.findall(r"^ARG \w+=(\S+:\S+)$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)


def native() -> str:
    return ARCHITECTURES[platform.machine()]


def chosen_platform() -> str:
    return os.environ.get("ERRAND_TEST_PLATFORM", native())


@pytest.fixture(scope="module")
def oci() -> Oci:
    found = Oci.find()
    if found is None:
        pytest.skip("there is no podman on the PATH, nor a docker with an engine")
    if missing := [image for image in base_images() if not found.has(image)]:
        pytest.skip(f"base images are not here; to test: {found.tool} pull {' '.join(missing)}")
    return found


@pytest.fixture(scope="module")
def image(oci: Oci) -> str:
    chosen = chosen_platform()
    tag = f"localhost/errand-test:{chosen.rpartition('/')[2]}"
    return build(oci, PROJECT, platform=chosen, tag=tag)


@pytest.fixture(scope="module")
def container(oci: Oci, image: str) -> Iterator[Container]:
    """One for all tests, which change nothing in it but its journal."""
    running = start(oci, image)
    yield running
    oci.call("rm", "--force", running.id)


def start(oci: Oci, image: str) -> Container:
    port = free_port()
    published = ("--publish", f"127.0.0.1:{port}:8080")
    started = oci.call("run", "--detach", *published, "--env", "ERRAND_MODEL=offline", image)
    # Podman may warn before it prints the id.
    running = Container(oci, started.splitlines()[-1], port)
    wait_until(lambda: running.ping() is not None, seconds=PATIENCE_SECONDS)
    return running


def test_its_health_is_answered_and_its_own_check_passes(container: Container) -> None:
    # Busy while it works for another test.
    wait_until(lambda: container.ping() == "Healthy", seconds=PATIENCE_SECONDS)
    assert container.healthcheck
    container.exec(*container.healthcheck)


def test_a_run_completes_on_the_embedded_journal(container: Container) -> None:
    answer = container.invoke({"prompt": "Where does the money go?"})
    session_id = answer["session_id"]

    def status() -> str:
        return container.exec("python", "-c", STATUS, session_id)

    wait_until(lambda: status() not in {"", "QUEUED", "BUSY"}, seconds=PATIENCE_SECONDS)
    assert answer["status"] == "STARTED"
    assert status() == "COMPLETED"


def test_its_user_is_nobody_special_and_can_change_no_code(container: Container) -> None:
    assert container.exec("id", "-u") == "1000"
    assert container.exec("sh", "-c", WRITABLE) == ""


def test_it_compiles_nothing_when_it_starts(container: Container) -> None:
    assert container.exec("python", "-c", UNCOMPILED).splitlines()[-1] == "[]"


def test_it_holds_the_agent_and_nothing_else_of_ours(container: Container) -> None:
    held = set(container.exec("ls", "-A", "/app").split())

    assert held == {".venv", "agent", "data", "requirements.txt", "runs"}


def test_it_ends_when_it_is_told_to(oci: Oci, image: str) -> None:
    if chosen_platform() != native():
        pytest.skip("as a first process, qemu waits for ever for the signal it raises to itself")
    running = start(oci, image)
    running.invoke({"prompt": "Where does the money go?"})

    code = running.stop(seconds=END_SECONDS)

    oci.call("rm", "--force", running.id)
    assert code != SIGKILL


def test_the_images_size_is_bounded(oci: Oci, image: str) -> None:
    size = int(oci.call("image", "inspect", "--format", "{{json .Size}}", image))

    # AgentCore takes 2 GB; a session starts the sooner the less there is to restore.
    assert size < 700_000_000, f"{size / 1e6:.0f} MB"


def test_the_base_images_have_the_python_of_the_other_packages() -> None:
    assert base_images()
    assert [each for each in base_images() if not re.search(rf"python:?{PYTHON}-", each)] == []


def test_the_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    dockerfile = (PROJECT / "Dockerfile").read_text()
    copied = set(re.findall(r"^COPY (?!--)(\S+) \S+$", dockerfile, re.MULTILINE))
    lines = (PROJECT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]

    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied
    assert rules[-1] == "**/__pycache__"
