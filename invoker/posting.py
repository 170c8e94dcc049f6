"""One POST to a receiver of webhooks: to a public address, without redirects, in bounded time."""

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from invoker.errors import NotDeliveredError

#: For a connection to an address, and for each part of an answer.
CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 15.0
#: Of the addresses that a name has, how many are tried.
_MOST_ADDRESSES = 2
_LONGEST_REST = 6 * 3600
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver answered; its body is not read."""

    status: int
    #: How long it asks to be left alone, in seconds.
    retry_seconds: int | None = None

    @property
    def is_taken(self) -> bool:
        """Say whether it took the event."""
        return 200 <= self.status < 300


class Post(Protocol):
    """Posts to receivers; see `Poster`."""

    def post(self, url: str, body: bytes, *, headers: Mapping[str, str]) -> Reply:
        """Post a body once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """Posts over HTTP.

    A receiver's name is looked up once, and what was looked at is what is connected to: a name
    that first leads elsewhere, and then to the function's own network, leads nowhere.
    """

    #: Whether receivers may be on this machine or its network, as they are on a laptop.
    allow_private: bool
    answer_seconds: float = ANSWER_SECONDS

    def post(self, url: str, body: bytes, *, headers: Mapping[str, str]) -> Reply:
        """Post a body once, and give the answer, whatever it is; redirects are answers.

        Raises:
            NotDeliveredError: There was none.
        """
        parts = urlsplit(url)
        try:
            connection = self._connect(parts)
        except (OSError, ValueError) as error:
            msg = f"{parts.hostname} can't be reached: {error}"
            raise NotDeliveredError(msg) from error
        try:
            connection.request("POST", _target(parts), body=body, headers=dict(headers))
            answer = connection.getresponse()
            return Reply(answer.status, _seconds(answer.headers.get("Retry-After")))
        except (OSError, HTTPException) as error:
            msg = f"{parts.hostname} gave no answer: {error!r}"
            raise NotDeliveredError(msg) from error
        finally:
            connection.close()

    def _connect(self, parts: SplitResult) -> HTTPConnection:
        host = parts.hostname or ""
        port = parts.port or _PORTS[parts.scheme]
        plain = self._first_answering(host, port)
        plain.settimeout(self.answer_seconds)
        try:
            sock = _secured(plain, host) if parts.scheme == "https" else plain
        except BaseException:
            plain.close()
            raise
        # The name goes into the Host header; the connection is made.
        connection = HTTPConnection(host, port)
        connection.default_port = _PORTS[parts.scheme]
        connection.sock = sock
        return connection

    def _first_answering(self, host: str, port: int) -> socket.socket:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        allowed = [each for each in addresses if self.allow_private or is_public(each)]
        if not allowed:
            msg = f"its address is {addresses[0]}, expected a public one"
            raise ValueError(msg)
        for address in allowed[: _MOST_ADDRESSES - 1]:
            with suppress(OSError):
                return _connected(address, port)
        return _connected(allowed[:_MOST_ADDRESSES][-1], port)


def _connected(address: str, port: int) -> socket.socket:
    return socket.create_connection((address, port), timeout=CONNECT_SECONDS)


def is_public(address: str) -> bool:
    """Say whether an address is one of the internet's, and not of a network of ours."""
    parsed = ip_address(address)
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_global and not parsed.is_multicast


def _secured(sock: socket.socket, host: str) -> ssl.SSLSocket:
    return ssl.create_default_context().wrap_socket(sock, server_hostname=host)


def _target(parts: SplitResult) -> str:
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path


def _seconds(retry_after: str | None) -> int | None:
    """Read `Retry-After` where it is seconds; a date is left to the queue's own pauses."""
    if retry_after is None or not retry_after.strip().isascii():
        return None
    text = retry_after.strip()
    return min(int(text), _LONGEST_REST) if text.isdigit() and len(text) < 10 else None
