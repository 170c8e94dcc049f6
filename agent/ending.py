"""How the process ends when its server has: soon, and whatever still hangs in it."""

import os
import signal
from typing import NoReturn

from agent.tracing import flush_spans

#: What the last spans may take; with nobody there to take them, the exporter tries on for longer.
_FLUSH_SECONDS = 2.0


def end() -> NoReturn:
    """End the process as Ctrl-C does, without waiting for code that still hangs in a thread.

    Elsewhere SIGTERM has ended it already. But the first process of a container, as the agent is
    there, is ended by no signal that it has no handler for: not by the server's either, which
    raises again what told it to stop. It would go on to wait for every thread of a pool, and for
    the exporters of telemetry.
    """
    flush_spans(_FLUSH_SECONDS)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.raise_signal(signal.SIGINT)
    os._exit(128 + signal.SIGINT)
