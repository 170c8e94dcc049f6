"""An ASGI app served from a thread of this process, on loopback."""

import socket
import threading
import time

import uvicorn
from starlette.applications import Starlette

from local.ports import LOOPBACK


class ServerThread:
    """Serves an app on a port until it is stopped; it listens when the constructor returns.

    Raises:
        OSError: The port is taken.
    """

    def __init__(self, app: Starlette, *, port: int, name: str = "server") -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((LOOPBACK, port))
            # Two may bind, as long as neither listens; and in the thread nobody would hear of it.
            self._socket.listen()
        except OSError:
            self._socket.close()
            raise
        config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._socket.getsockname()[1]
        return port

    def stop(self) -> None:
        """Let running requests end for a moment, then stop. May be called twice."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])
