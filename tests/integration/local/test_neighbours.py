"""Two local stacks of one user that want the same ports at the same time."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.applications import Starlette

from local.errors import LocalError, PortInUseError
from local.home import Home
from local.ports import free_port, reserve
from local.server import ServerThread
from local.stack import down, status, up
from local.state import Phase

ROUNDS = 10


def test_of_two_stacks_that_want_one_port_at_once_one_comes_up(tmp_path: Path) -> None:
    homes = [Home.at(tmp_path / name) for name in ("first", "second")]
    port = free_port()
    try:
        with ThreadPoolExecutor() as pool:
            problems = list(pool.map(lambda home: brought_up(home, port), homes))
        phases = {found and found.phase for found in map(status, homes)}
    finally:
        for home in homes:
            down(home)

    (problem,) = filter(None, problems)
    assert f"port {port} is in use" in problem
    assert phases == {Phase.UP, Phase.FAILED}


def brought_up(home: Home, port: int) -> str | None:
    try:
        up(home, environ=os.environ, agent_port=port)
    except LocalError as error:
        return str(error)
    return None


def test_a_port_can_be_reserved_once_and_again_when_it_was_let_go() -> None:
    port = free_port()
    with reserve(port), pytest.raises(PortInUseError, match="by another local stack"):
        reserve(port)

    reserve(port).close()


def test_of_two_servers_that_want_one_port_at_once_one_gets_it() -> None:
    outcomes = [sorted(both_served(free_port())) for _ in range(ROUNDS)]

    assert outcomes == [["refused", "serves"]] * ROUNDS


def both_served(port: int) -> list[str]:
    barrier = threading.Barrier(2)
    with ExitStack() as servers:

        def serve(_number: int) -> str:
            barrier.wait()
            try:
                server = ServerThread(Starlette(), port=port)
            except OSError:
                return "refused"
            servers.callback(server.stop)
            return "serves"

        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(serve, range(2)))
