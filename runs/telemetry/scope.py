"""What the code that runs now works on: it stands in every log line, and in every span.

A context variable, so each thread and task has its own. Threads of libraries that drop context
variables enter the scope anew, where our code begins in them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from runs.json_types import Json
from runs.telemetry.traces import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A run, an attempt at it, a step; as much of it as is known."""

    session_id: str | None = None
    workflow: str | None = None
    attempt: int | None = None
    #: The name of the innermost step or context, and its operation's id.
    step: str | None = None
    operation_id: str | None = None
    trace: Trace | None = None
    #: The request that is being answered, as the platform counts them.
    request_id: str | None = None

    def facts(self) -> dict[str, Json]:
        """Give what is known, as it stands in a log line."""
        facts: dict[str, Json] = {
            "session_id": self.session_id,
            "workflow": self.workflow,
            "attempt": self.attempt,
            "step": self.step,
            "operation_id": self.operation_id,
            "trace_id": None if self.trace is None else self.trace.trace_id,
            "requestId": self.request_id,
        }
        return {name: value for name, value in facts.items() if value is not None}


_NOTHING = Scope()
_CURRENT: ContextVar[Scope] = ContextVar("scope", default=_NOTHING)


def current_scope() -> Scope:
    """Give the scope of the code that runs now; an empty one outside of any."""
    return _CURRENT.get()


def learn(*, session_id: str, workflow: str | None = None) -> None:
    """Say what has come out of which run the code works on, until its scope is left."""
    scope = replace(current_scope(), session_id=session_id, workflow=workflow)
    _CURRENT.set(scope)


@contextmanager
def within(scope: Scope) -> Iterator[None]:
    """Work in a scope."""
    token = _CURRENT.set(scope)
    try:
        yield
    finally:
        _CURRENT.reset(token)
