"""A service that tools call: it knows keys it has seen, and refuses workers that were replaced."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True)
class Call:
    """A call, and how it was answered."""

    key: str
    attempt: int
    status: int


@dataclass
class Service:
    """The service."""

    url: str = ""
    #: By run, in the order in which they came.
    calls: dict[str, list[Call]] = field(default_factory=dict)
    #: By run, the keys of the calls that had an effect.
    effects: dict[str, list[str]] = field(default_factory=dict)
    _highest: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def book(self, run: str, key: str, attempt: int) -> int:
        """Have an effect, unless the key had it, or a later attempt was here."""
        with self._lock:
            is_stale = attempt < self._highest.get(run, 0)
            if not is_stale:
                self._highest[run] = attempt
                if key not in self.effects.setdefault(run, []):
                    self.effects[run].append(key)
            status = HTTPStatus.CONFLICT if is_stale else HTTPStatus.OK
            self.calls.setdefault(run, []).append(Call(key, attempt, status))
            return status


@contextmanager
def running_service() -> Iterator[Service]:
    """Run a service for a block."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(service.book(**told))
            body = f"booked {told['key']}".encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield service
        server.shutdown()
        thread.join()
