"""Times the invoker's handler and its own calls made bare, in the environment of a Lambda function.

A process of its own, because the handler's module reads the environment when it is imported. It
prints what `Timing` says as JSON.
"""

import importlib
import json
import sys
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass

from bench.measure import interleaved, timed_ms
from bench.recorded_calls import Call, clients_made, recording
from runs.json_types import Json

Handler = Callable[[Json, object], dict[str, Json]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What the process prints."""

    #: The services the handler's module makes clients of when it is imported.
    services: list[str]
    #: The calls one invocation makes.
    operations: list[str]
    handler_ms: list[float]
    bare_ms: list[float]


class _Context:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def _accept(handler: Handler, session_id: str) -> float:
    """Accept a run, and give the milliseconds it took."""
    event: Json = {
        "action": "accept",
        "session_id": session_id,
        "execution": f"arn:aws:states:us-east-1:000000000000:execution:errand:{session_id}",
        "detail": {"prompt": "Where can we save?", "input": "data/sample/bill.csv"},
    }
    answers: list[dict[str, Json]] = []
    took = timed_ms(lambda: answers.append(handler(event, _Context())))
    if answers[0]["outcome"] != "STARTED":
        msg = f"the handler answered {answers[0]}, expected STARTED"
        raise RuntimeError(msg)
    return took


def _make_bare(calls: list[Call], session_id: str) -> float:
    again = [call.with_session(session_id, str(uuid.uuid4())) for call in calls]
    return sum(timed_ms(call.make) for call in again)


def _measure(rounds: int) -> Timing:
    with clients_made() as clients:
        handler: Handler = importlib.import_module("invoker.start").handler
    _accept(handler, str(uuid.uuid4()))
    session_id = str(uuid.uuid4())
    with recording(clients) as calls:
        _accept(handler, session_id)
    works = (
        lambda: _accept(handler, str(uuid.uuid4())),
        lambda: _make_bare(calls, session_id),
    )
    handled, bare = interleaved(works, rounds=rounds)
    return Timing(
        services=list(clients),
        operations=[call.operation for call in calls],
        handler_ms=handled,
        bare_ms=bare,
    )


if __name__ == "__main__":
    print(json.dumps(asdict(_measure(int(sys.argv[1])))))
