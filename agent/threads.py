"""Threads that carry the request's context and can't die silently."""

import contextvars
import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


def start(
    name: str, work: Callable[[], None], *, on_crash: Callable[[BaseException], None]
) -> None:
    """Run work in a daemon thread of its own.

    A daemon, because a process that was told to end must not wait for a workflow.

    Args:
        name: The thread's name, for logs and debuggers.
        work: What to run; it sees the caller's context variables, so that its log lines carry the
            request's ids.
        on_crash: Called with whatever escapes from `work`.
    """
    context = contextvars.copy_context()

    def guarded() -> None:
        try:
            work()
        except BaseException as error:
            logger.exception("thread crashed", extra={"work": name})
            on_crash(error)

    threading.Thread(target=context.run, args=(guarded,), name=name, daemon=True).start()
