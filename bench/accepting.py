"""How many runs a second get through the whole chain to the agent, on the local stack.

Many events are put on the bus at once, and the last claim ends the time. Beside them is the least
such a chain can be: on the same emulator, a rule, a state machine whose only task is a Lambda
function that does nothing, and the end of the last execution. It has no journal and no agent, so
that the ratio says what accepting durably, handing over and claiming cost; both are mostly the
emulator's own time, which AWS would not take.
"""

import io
import json
import uuid
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.local_stack import LocalStack, running_stack, until
from bench.measure import Row, interleaved, median, spread
from local.clients import local_client
from local.home import Home

_EVENTS = 40
_ROUNDS = 3
#: What PutEvents takes.
_BATCH = 10
_NAME = "bench-nothing"
_ROLE = "arn:aws:iam::000000000000:role/bench"
_HANDLER = "def handler(event, context):\n    return {}\n"
_MACHINE = {
    "QueryLanguage": "JSONata",
    "StartAt": "Nothing",
    "States": {
        "Nothing": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": _NAME, "Payload": "{% $states.input %}"},
            "End": True,
        }
    },
}


def measure(folder: Path) -> list[Row]:
    """Send as many events through both chains, in turns."""
    with running_stack(Home.at(folder)) as stack:
        nothing = _Nothing(stack)
        works = [lambda: _runs_per_second(stack, folder), nothing.per_second]
        ours, theirs = interleaved(works, rounds=_ROUNDS, warm_up=1)
    return [
        Row(
            what=f"{_EVENTS} events at once, runs claimed per second, median",
            value=median(ours),
            baseline=median(theirs),
            note="executions per second of a state machine whose one function does nothing",
            unit="/s",
            samples=_ROUNDS,
            spread=spread(ours),
            baseline_spread=spread(theirs),
        ),
        Row(
            what="the same as time, for each run, median",
            value=1000 / median(ours),
            baseline=1000 / median(theirs),
            note="as above: bus, rule, execution, function",
            samples=_ROUNDS,
        ),
    ]


def _runs_per_second(stack: LocalStack, folder: Path) -> float:
    # They fail at once, because their bill is missing: what comes after the claim costs little.
    detail = {"prompt": "Where can we save?", "input": str(folder / "missing.csv")}
    sessions = [str(uuid.uuid4()) for _ in range(_EVENTS)]
    details = [{"session_id": session, **detail} for session in sessions]
    began = datetime.now(UTC)
    _put(stack, stack.state.outputs["BusName"], "errand", "Run Requested", details)
    runs = [stack.ended(session) for session in sessions]
    last = max(run.started_at for run in runs if run.started_at is not None)
    return _EVENTS / (last - began).total_seconds()


class _Nothing:
    """The least chain there is, on a stack's emulator."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._machine = local_client("stepfunctions", stack.state.endpoint)
        self._make_function()
        self._arn = self._machine.create_state_machine(
            name=_NAME, definition=json.dumps(_MACHINE), roleArn=_ROLE
        )["stateMachineArn"]
        events = local_client("events", stack.state.endpoint)
        events.create_event_bus(Name=_NAME)
        pattern = json.dumps({"source": [_NAME]})
        events.put_rule(Name=_NAME, EventBusName=_NAME, EventPattern=pattern)
        target = {"Id": "machine", "Arn": self._arn, "RoleArn": _ROLE}
        events.put_targets(Rule=_NAME, EventBusName=_NAME, Targets=[target])

    def per_second(self) -> float:
        """Send the events, and give how many executions ended in a second."""
        before = len(self._ended())
        began = datetime.now(UTC)
        _put(self._stack, _NAME, _NAME, "Nothing", [{} for _ in range(_EVENTS)])
        ended = until("the executions to end", lambda: self._ended_after(before))
        last: datetime = max(each["stopDate"] for each in ended)
        return _EVENTS / (last - began).total_seconds()

    def _ended_after(self, before: int) -> list[dict[str, Any]] | None:
        found = self._ended()
        return found if len(found) >= before + _EVENTS else None

    def _ended(self) -> list[dict[str, Any]]:
        pages = self._machine.get_paginator("list_executions").paginate(
            stateMachineArn=self._arn, statusFilter="SUCCEEDED"
        )
        return [each for page in pages for each in page["executions"]]

    def _make_function(self) -> None:
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            archive.writestr("nothing.py", _HANDLER)
        functions = local_client("lambda", self._stack.state.endpoint)
        functions.create_function(
            FunctionName=_NAME,
            Runtime="python3.13",
            Handler="nothing.handler",
            Role=_ROLE,
            Code={"ZipFile": data.getvalue()},
        )


def _put(
    stack: LocalStack, bus: str, source: str, kind: str, details: list[dict[str, str]]
) -> None:
    client = local_client("events", stack.state.endpoint)
    entries = [
        {
            "EventBusName": bus,
            "Source": source,
            "DetailType": kind,
            "Detail": json.dumps(detail),
        }
        for detail in details
    ]
    for first in range(0, len(entries), _BATCH):
        answer = client.put_events(Entries=entries[first : first + _BATCH])
        if answer["FailedEntryCount"]:
            msg = f"the bus refused events: {answer['Entries']}"
            raise RuntimeError(msg)
