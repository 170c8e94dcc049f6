"""What is between a worker and its journal, when that is not to be relied on: a TCP proxy.

It holds requests for as long as a test wants, and delivers them then, also those of a client that
has given them up; or it delivers them and loses their answers.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_CHUNK = 1 << 20


class Proxy:
    """A proxy before one server that speaks HTTP, with a length on every message."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._changed = threading.Condition()
        self._is_holding = False
        #: How many requests are held, and how many were when they were let go.
        self.held = 0
        #: How many that had been held have been answered since.
        self.delivered = 0
        self._answers = 0
        self._is_lost: Callable[[int], bool] = lambda _: False
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self) -> None:
        """Hold every request from now on."""
        with self._changed:
            self._is_holding = True

    def heal(self) -> None:
        """Let requests through from now on; those that are held stay so."""
        with self._changed:
            self._is_holding = False

    def deliver(self) -> None:
        """Deliver what is held, and wait until the server has answered it."""
        with self._changed:
            self._is_holding = False
            expected = self.delivered + self.held
            self.held = 0
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: self.delivered >= expected, timeout=20)
        assert done, f"{self.delivered} of {expected} requests were answered"

    def lose(self, is_lost: Callable[[int], bool]) -> None:
        """Lose some answers from now on: the client's connection ends in their place.

        Args:
            is_lost: Says so of an answer, by its number from 1.
        """
        with self._changed:
            self._answers, self._is_lost = 0, is_lost

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._upstream) as server, suppress(OSError):
            while request := client.recv(_CHUNK):
                was_held = self._wait()
                server.sendall(request + _rest(client, request))
                answer = _whole(server)
                self._count(was_held=was_held)
                if self._loses():
                    return
                client.sendall(answer)

    def _wait(self) -> bool:
        with self._changed:
            if not self._is_holding:
                return False
            self.held += 1
            self._changed.wait_for(lambda: self.held == 0)
            return True

    def _count(self, *, was_held: bool) -> None:
        with self._changed:
            self.delivered += was_held
            self._changed.notify_all()

    def _loses(self) -> bool:
        with self._changed:
            self._answers += 1
            return self._is_lost(self._answers)


@contextmanager
def running_proxy(upstream: str) -> Iterator[Proxy]:
    """Run a proxy for a block."""
    proxy = Proxy(upstream)
    try:
        yield proxy
    finally:
        proxy.close()


def _whole(peer: socket.socket) -> bytes:
    message = peer.recv(_CHUNK)
    return message + _rest(peer, message)


def _rest(peer: socket.socket, message: bytes) -> bytes:
    """Read what a message's head says is still to come."""
    rest = b""
    while (missing := _length(message + rest) - len(message + rest)) > 0:
        more = peer.recv(missing)
        if not more:
            break
        rest += more
    return rest


def _length(message: bytes) -> int:
    head, end, _ = message.partition(b"\r\n\r\n")
    if not end:
        return len(message) + 1
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(head) + len(end) + int(value)
    return len(message)
