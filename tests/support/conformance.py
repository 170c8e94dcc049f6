"""Requirements of the durable execution service: a workflow, its outside, and its exact history.

A history is told in lines, one per event, without the first (`ExecutionStarted`) and the one that
`ends` stands for:

    ContextStarted:Parallel p                   type, sub-type if it is not its type's, a label
    StepStarted s<p name=load                   the label of its parent, its name
    StepFailed s<p attempt=1 delay=2            details
    StepSucceeded s<p result='"done"'           a text with quotes is quoted as in a shell
    Step t                                      a step that starts and succeeds
    Wait w duration=2                           a wait that suspends the run

A label stands for the same `Id` wherever it is. Names, parents and sub-types that a line does not
have, the event may not have either; of its details, those that a line has are compared.
"""

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from aws_durable_execution_sdk_python import DurableContext, durable_execution

from agent.registry import Registry
from agent.runner import Limits
from runs.answering import Answers
from runs.artifacts.folder import FolderStore
from runs.journal.base import Journal
from runs.journal.sqlite import SqliteJournal
from runs.json_types import Json
from runs.listing import open_runs
from runs.operations import Operation, OperationError, OperationStatus, OperationType
from runs.run import Run, Status
from tests.support.durable_workflows import breaks, echo, sleeps
from tests.support.engine import Engine, FlakyJournal

_LIMITS = Limits(lease_seconds=60, park_after=timedelta(0), stop_grace=timedelta(seconds=0.2))
Work = Callable[[Any, DurableContext], Any]

#: How the service calls the ends of runs.
ENDS: Mapping[Status, str] = MappingProxyType(
    {
        Status.COMPLETED: "SUCCEEDED",
        Status.FAILED: "FAILED",
        Status.CANCELLED: "STOPPED",
        Status.TIMED_OUT: "TIMED_OUT",
        Status.WAITING: "RUNNING",
    }
)
_LAST: Mapping[str, str] = MappingProxyType(
    {
        "SUCCEEDED": "ExecutionSucceeded",
        "FAILED": "ExecutionFailed",
        "STOPPED": "ExecutionStopped",
        "TIMED_OUT": "ExecutionTimedOut",
    }
)
#: Any result will do.
ANYTHING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What somebody outside does to a callback that is open."""

    result: str | bytes | None = None
    error: OperationError | None = None
    is_heartbeat: bool = False
    #: The callback's name; None is any.
    name: str | None = None
    #: Seconds since the run was parked.
    after: float = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What the service promises of one workflow."""

    #: In AWS's list of requirements, or in ours where it has none.
    number: str
    says: str
    work: Work
    #: None is: whatever it is; text that is empty is: nothing but its end.
    history: str | None
    given: Json = None
    replies: tuple[Reply, ...] = ()
    #: RUNNING is: looked at when it first waits.
    ends: str = "SUCCEEDED"
    result: object = ANYTHING

    def __str__(self) -> str:
        """Name it, as a test's parameter."""
        return f"{self.number} {self.says}"


@dataclass
class LeapingClock:
    """The real time, moved on by what nobody wants to wait for."""

    leapt: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        """Tell the time."""
        return datetime.now(UTC) + self.leapt

    def leap(self, at: datetime) -> None:
        """Move on to an instant, if it is in the future."""
        self.leapt += max(at - self(), timedelta(0))


def handler_of(work: Work) -> Any:  # noqa: ANN401 - the SDK's
    """Make a workflow that is given its prompt's JSON."""

    def handler(event: Any, context: DurableContext) -> Any:  # noqa: ANN401 - the SDK's
        return work(json.loads(event["prompt"]), context)

    return durable_execution(handler)


def workflow_of(requirement: Requirement) -> Registry:
    """Give the workflow of a requirement, with those that it may invoke."""
    others = {"echo": echo, "breaks": breaks, "sleeps": sleeps}
    return Registry({"tested": handler_of(requirement.work), **others})


def engine_on(folder: Path, *, clock: LeapingClock, journal: Journal | None = None) -> Engine:
    """Give an engine that parks at every wait, on a journal of its own or the folder's file."""
    artifacts = FolderStore(folder / "artifacts")
    used = journal or SqliteJournal(folder / "journal.db", artifacts=artifacts)
    return Engine(cast("FlakyJournal", used), artifacts, folder, clock, _LIMITS)


def play(requirement: Requirement, engine: Engine) -> Run:
    """Run a requirement's workflow to its end, or to its first wait."""
    engine.registry = workflow_of(requirement)
    engine.accept("tested", json.dumps(requirement.given))
    return carry_on(engine, list(requirement.replies), ends=requirement.ends)


def carry_on(engine: Engine, replies: list[Reply], *, ends: str) -> Run:
    """Make attempts, give replies and let time pass until the run is where it is to be."""
    assert isinstance(engine.clock, LeapingClock)
    for _ in range(100):
        engine.look()
        run = engine.head()
        if run.status.is_terminal or ends == ENDS.get(run.status):
            return run
        runs = open_runs(engine.journal)
        if any(each.is_due(engine.clock()) for each in runs):
            continue
        if not _reply(engine, replies):
            wake_at = [each.wake_at for each in open_runs(engine.journal) if each.wake_at]
            assert wake_at, f"nothing wakes the run that waits for {run.waiting_for}"
            engine.clock.leap(min(wake_at))
    msg = "the run did not end in a hundred turns"
    raise AssertionError(msg)


def _reply(engine: Engine, replies: list[Reply]) -> bool:
    assert isinstance(engine.clock, LeapingClock)
    for reply in replies:
        callback = next(_open_callbacks(engine, reply.name), None)
        if callback is not None:
            replies.remove(reply)
            engine.clock.leapt += timedelta(seconds=reply.after)
            _send(engine, callback, reply)
            return True
    return False


def _open_callbacks(engine: Engine, name: str | None) -> Iterator[Operation]:
    for operation in engine.journal.operations("run-1"):
        is_open = operation.status is OperationStatus.STARTED
        is_named = name is None or operation.name == name
        if operation.type is OperationType.CALLBACK and is_open and is_named:
            yield operation


def _send(engine: Engine, callback: Operation, reply: Reply) -> None:
    answers = Answers(journal=engine.journal, signal=engine.signals, clock=engine.clock)
    callback_id = callback.callback_id or ""
    if reply.is_heartbeat:
        answers.heartbeat(callback_id)
    elif reply.error is not None:
        answers.fail(callback_id, reply.error)
    else:
        answers.complete(callback_id, reply.result)


#: Where the words of a line stand in an event's details.
_DETAILS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "attempt": ("RetryDetails", "CurrentAttempt"),
        "delay": ("RetryDetails", "NextAttemptDelaySeconds"),
        "result": ("Result", "Payload"),
        "error": ("Error", "Payload", "ErrorType"),
        "message": ("Error", "Payload", "ErrorMessage"),
        "data": ("Error", "Payload", "ErrorData"),
        "duration": ("Duration",),
        "timeout": ("Timeout",),
        "heartbeat": ("HeartbeatTimeout",),
        "function": ("FunctionName",),
        "tenant": ("TenantId",),
        "input": ("Input", "Payload"),
    }
)
_SUB_TYPES: Mapping[str, str] = MappingProxyType(
    {"Step": "Step", "Wait": "Wait", "Callback": "Callback", "ChainedInvoke": "ChainedInvoke"}
)
#: What one line stands for, if not for one event.
_SHORT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Step": ("StepStarted", "StepSucceeded"),
        "Wait": ("WaitStarted", "InvocationCompleted", "WaitSucceeded"),
    }
)


def differences(told: str, history: list[dict[str, Json]], *, ends: str = "SUCCEEDED") -> list[str]:
    """Name where a history is not as it is told."""
    expected = ["ExecutionStarted", *_events(told)]
    if ends in _LAST:
        expected.append(_LAST[ends])
    found = [str(event["EventType"]) for event in history]
    types = [_type(line) for line in expected]
    if found != types:
        return [f"expected {types}", f"found    {found}"]
    labels: dict[str, Json] = {}
    return [
        f"event {event['EventId']}, {line!r}: {fault}"
        for line, event in zip(expected, history, strict=True)
        for fault in _faults(line, event, labels)
    ]


def _events(told: str) -> Iterator[str]:
    for line in filter(None, map(str.strip, told.splitlines())):
        kind, _, rest = line.partition(" ")
        kinds = _SHORT.get(kind, (kind,))
        for each in kinds:
            is_last = each == kinds[-1]
            yield (
                "InvocationCompleted"
                if each == "InvocationCompleted"
                else (f"{each} {rest if is_last else _without_details(rest)}")
            )


def _without_details(rest: str) -> str:
    words = shlex.split(rest)
    kept = [word for word in words if "=" not in word or word.startswith(("name=", "duration="))]
    return shlex.join(kept)


def _type(line: str) -> str:
    return line.partition(" ")[0].partition(":")[0]


def _faults(line: str, event: Mapping[str, Any], labels: dict[str, Json]) -> Iterator[str]:
    kind, *words = shlex.split(line)
    if kind == "InvocationCompleted" or kind.startswith("Execution"):
        return
    place, *words = words
    label, _, parent = place.partition("<")
    if labels.setdefault(label, event["Id"]) != event["Id"]:
        yield f"{label} was {labels[label]} and is {event['Id']}"
    sub_type = kind.partition(":")[2] or next(
        sub_type for start, sub_type in _SUB_TYPES.items() if kind.startswith(start)
    )
    given = dict(word.split("=", 1) for word in words)
    wanted = {
        "ParentId": labels.get(parent),
        "SubType": sub_type,
        "Name": given.pop("name", None),
    }
    for member, value in wanted.items():
        if event.get(member) != value:
            yield f"{member} is {event.get(member)!r}, expected {value!r}"
    details = event[f"{_type(line)}Details"]
    for word, text in given.items():
        value = _at(details, _DETAILS[word])
        is_same = str(value).endswith(text) if word == "error" else str(value) == text
        if not is_same:
            yield f"{word} is {value!r}, expected {text!r}"


def _at(details: Mapping[str, Any], path: tuple[str, ...]) -> Any:  # noqa: ANN401 - a value of JSON
    for member in path:
        if member not in details:
            return None
        details = details[member]
    return details
