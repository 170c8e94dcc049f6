"""Ports, and who has them."""

import os
import shutil
import socket

import pytest

from local.ports import free_port, holder, is_free


def test_a_port_is_free_until_somebody_listens() -> None:
    port = free_port()

    assert is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)


def test_a_port_taken_on_all_interfaces_is_not_free_on_loopback() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104 - the case in question
        assert not is_free(server.getsockname()[1])


@pytest.mark.skipif(not (shutil.which("lsof") or shutil.which("ss")), reason="nobody can tell")
def test_the_process_that_holds_a_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = holder(server.getsockname()[1])

    assert found is not None
    assert f"(pid {os.getpid()})" in found
