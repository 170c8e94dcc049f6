"""AgentCore's data plane over real HTTP, answering as a test says."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

RUNTIME_ARN = "arn:aws:bedrock-agentcore:us-east-1:000000000000:runtime/errand-local"
SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as the service sees it."""

    arn: str
    operation: str
    session_id: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; `error` is the name of a service exception."""

    body: Any = field(default_factory=dict)
    status: int = 200
    error: str | None = None
    #: Closes the connection without an answer.
    is_broken: bool = False

    @classmethod
    def refused(cls, error: str, status: int) -> "Reply":
        """Answer with a service exception."""
        return cls({"message": f"the message of {error}"}, status, error)


class DataPlane:
    """Records calls, and answers each with what `answers` makes of it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: Callable[[Call], Reply] = lambda _call: Reply({"status": "STARTED"})
        self.calls: list[Call] = []

    def answer(self, call: Call) -> Reply:
        """Answer a call."""
        self.calls.append(call)
        return self.answers(call)


@contextmanager
def running_data_plane() -> Iterator[DataPlane]:
    """Serve for the block, on a free port."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.plane = DataPlane(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.plane
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    plane: DataPlane
    # A client that gave up leaves its thread waiting for the next request.
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that go away are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        path = unquote(self.path.partition("?")[0])
        arn, _, operation = path.removeprefix("/runtimes/").rpartition("/")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        session_id = self.headers.get(SESSION_HEADER, "")
        payload = json.loads(body) if body and operation == "invocations" else None
        reply = self.server.plane.answer(Call(arn, operation, session_id, payload))
        if reply.is_broken:
            self.close_connection = True
            return
        self._send(reply, session_id)

    def _send(self, reply: Reply, session_id: str) -> None:
        is_raw = isinstance(reply.body, bytes)
        data = reply.body if is_raw else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header(SESSION_HEADER, session_id)
        if reply.error is not None:
            self.send_header("x-amzn-ErrorType", reply.error)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""
