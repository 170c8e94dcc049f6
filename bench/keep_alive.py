"""An HTTP client that adds next to nothing to what it measures: one connection, plain bytes."""

import json
import re
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from local.ports import LOOPBACK
from runs.json_types import Json

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TIMEOUT_SECONDS = 30.0


class KeepAlive:
    """One kept connection to a server on this machine."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((LOOPBACK, port), timeout=_TIMEOUT_SECONDS)
        # Or the kernel may hold a request back until the answer before it is acknowledged.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def send(self, request: bytes) -> bytes:
        """Send a whole request and give the body of its answer.

        Raises:
            ConnectionError: The answer is not a success, or broke off.
        """
        self.begin(request)
        return self.finish()

    def begin(self, request: bytes) -> None:
        """Send a whole request, whose answer `finish` reads; `select` tells when it comes."""
        self._socket.sendall(request)

    def fileno(self) -> int:
        """Give what `select` knows the connection by."""
        return self._socket.fileno()

    def finish(self) -> bytes:
        """Give the body of the answer to what was begun.

        Raises:
            ConnectionError: The answer is not a success, or broke off.
        """
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._received()
        head, _, body = answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 200") or length is None:
            msg = f"the server answered {answer!r}, expected 200 with a length"
            raise ConnectionError(msg)
        while len(body) < int(length[1]):
            body += self._received()
        return body

    def _received(self) -> bytes:
        data = self._socket.recv(65_536)
        if not data:
            msg = "the server closed the connection"
            raise ConnectionError(msg)
        return data


def get(path: str) -> bytes:
    """Make a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\n\r\n".encode()


def post(path: str, payload: Json, *, headers: Mapping[str, str]) -> bytes:
    """Make a POST request with a JSON body."""
    body = json.dumps(payload).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {LOOPBACK}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
