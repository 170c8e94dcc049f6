import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.keep_alive import KeepAlive, get, post


@contextmanager
def answering(*pieces: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Send these pieces as the answer to one request, each by itself."""
    received: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            received.append(connection.recv(65_536))
            for piece in pieces:
                connection.sendall(piece)
                done.wait(0.02)

    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], received
        finally:
            done.set()
            thread.join()


def test_an_answer_may_come_in_pieces() -> None:
    pieces = (b"HTTP/1.1 200 OK\r\nContent-", b"length: 5\r\n\r\nhe", b"llo")
    with answering(*pieces) as (port, received), KeepAlive(port) as connection:
        body = connection.send(get("/ping"))

    assert body == b"hello"
    assert received[0].startswith(b"GET /ping HTTP/1.1\r\n")


def test_an_error_is_not_taken_for_an_answer() -> None:
    with (
        answering(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n") as (port, _),
        KeepAlive(port) as connection,
        pytest.raises(ConnectionError, match="expected 200"),
    ):
        connection.send(get("/ping"))


def test_a_connection_that_closes_early_is_an_error() -> None:
    with (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe") as (port, _),
        KeepAlive(port) as connection,
        pytest.raises(ConnectionError, match="closed"),
    ):
        connection.send(get("/ping"))


def test_a_payload_is_sent_with_its_length_and_headers() -> None:
    request = post("/invocations", {"prompt": "ü"}, headers={"X-Session": "s"})

    head, _, body = request.partition(b"\r\n\r\n")
    assert b"X-Session: s" in head.split(b"\r\n")
    assert f"Content-Length: {len(body)}".encode() in head.split(b"\r\n")
