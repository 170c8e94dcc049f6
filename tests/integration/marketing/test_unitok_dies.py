"""UniTok is killed around its write, and started again: what was approved is there once."""

import inspect
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.workflows import marketing_post
from agent.workflows.marketing.unitok import SETTING
from local.health import answers
from local.home import PROJECT
from local.ports import free_port
from local.unitok.app import HEALTH_PATH
from local.unitok.store import PostStore
from runs.run import Status
from tests.support.engine import wait_until
from tests.support.plant import Plant

WORKFLOW = inspect.unwrap(marketing_post.handler)


@contextmanager
def kept_alive(path: Path, port: int, when: str) -> Iterator[list[int]]:
    """Run a UniTok that dies, and start it again each time; gives how its lives ended."""
    command = [sys.executable, "-m", "tests.support.dying_unitok", str(path), str(port), when]
    over, ended = threading.Event(), list[int]()
    lives: list[subprocess.Popen[bytes]] = []

    def keep() -> None:
        while not over.is_set():
            life = subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL)  # noqa: S603 - ours
            lives.append(life)
            ended.append(life.wait())

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        wait_until(lambda: answers(port, HEALTH_PATH))
        yield ended
    finally:
        over.set()
        lives[-1].terminate()
        keeper.join(20)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_post_is_published_once_by_a_unitok_that_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    path, port = tmp_path / "unitok.db", free_port()
    monkeypatch.setenv(SETTING, f"http://127.0.0.1:{port}")
    plant = Plant(tmp_path)
    with kept_alive(path, port, when) as ended:
        plant.run(WORKFLOW, prompt="Once.")
        (approval,) = plant.open_approvals()
        plant.decide(approval)
        run = plant.run(WORKFLOW, prompt="Once.")
        died_of = list(ended)

    posts = PostStore(path).latest(10)
    assert died_of == [-9]
    assert run.status is Status.COMPLETED
    assert [each.post.content for each in posts] == [approval.question.content]
