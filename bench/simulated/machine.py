"""Step Functions in simulated time: executes a definition state by state, and counts.

What a definition uses is done as the language's specification says; a field that is not known here
is refused, so that nothing is left out without anybody noticing.
"""

import itertools
import json
import random
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from bench.simulated.errors import TaskFailedError
from bench.simulated.expressions import Expressions
from bench.simulated.time import SimulatedTime, Sleeper
from runs.instants import to_iso
from runs.json_types import Json

State = Mapping[str, Any]
#: Something that takes time, and has a result: what it yields is for how many seconds it pauses.
Doing = Generator[float, None, Json]
#: Does what a resource stands for, with the arguments of a state.
Resource = Callable[[Any], Doing]
#: The next state, and what it is given.
_Next = tuple[str, Json]

_FIELDS: Mapping[str, frozenset[str]] = {
    "Choice": frozenset({"Choices", "Default"}),
    "Task": frozenset(
        {
            "Resource",
            "Arguments",
            "TimeoutSeconds",
            "HeartbeatSeconds",
            "Retry",
            "Catch",
            "Output",
            "Next",
        }
    ),
    "Wait": frozenset({"Seconds", "Output", "Next"}),
    "Succeed": frozenset({"Output"}),
    "Fail": frozenset({"Error", "Cause"}),
}
_OF_ALL = frozenset({"Type", "Comment"})
_WAITING = ".waitForTaskToken"
#: What a catcher of all errors does not catch.
_NOT_CAUGHT = frozenset({"States.DataLimitExceeded", "States.Runtime"})


@dataclass(slots=True)
class Execution:
    """One execution: what it has done, and how it ended if it has."""

    arn: str
    given: Json
    started_at: datetime
    visited: list[str] = field(default_factory=list)
    status: str = "RUNNING"
    ended_at: datetime | None = None
    output: Json = None
    error: str | None = None
    cause: str | None = None


@dataclass(slots=True)
class _Wait:
    """A wait for whoever has the task token."""

    sleeper: Sleeper
    heartbeat_seconds: float
    silent_at: datetime
    answer: str | None = None


class SimulatedStepFunctions:
    """A state machine; and the calls of boto3's `stepfunctions` client that runs make."""

    def __init__(
        self,
        definition: str,
        *,
        time: SimulatedTime,
        resources: Mapping[str, Resource],
        transition_seconds: float,
        seed: int = 0,
    ) -> None:
        self._machine: Mapping[str, Any] = json.loads(definition)
        self._time = time
        self._resources = resources
        self._transition_seconds = transition_seconds
        self._expressions = Expressions(time.now)
        self._jitter = random.Random(seed)  # noqa: S311 - no secret
        self._waits: dict[str, _Wait] = {}
        self._tokens = itertools.count(1)
        self.executions: dict[str, Execution] = {}
        for name, state in self._machine["States"].items():
            _check_known(name, state)

    def start(self, given: Json, *, name: str | None = None) -> Execution:
        """Start an execution."""
        arn = f"arn:aws:states:::execution:simulated:{name or len(self.executions)}"
        if arn in self.executions:
            raise TaskFailedError(error="StepFunctions.ExecutionAlreadyExistsException", cause=arn)
        execution = Execution(arn, given, self._time.now())
        self.executions[arn] = execution
        # The process needs to know who it is, to be woken.
        sleepers: list[Sleeper] = []
        sleepers.append(self._time.begin(self._guarded(execution, sleepers)))
        return execution

    def send_task_success(self, *, taskToken: str, output: str) -> None:  # noqa: N803 - boto3's
        """See boto3."""
        wait = self._waiting(taskToken)
        wait.answer = output
        wait.sleeper.wake()

    def send_task_heartbeat(self, *, taskToken: str) -> None:  # noqa: N803 - boto3's
        """See boto3."""
        wait = self._waiting(taskToken)
        wait.silent_at = self._time.now() + timedelta(seconds=wait.heartbeat_seconds)

    def _waiting(self, token: str) -> _Wait:
        if token in self._waits:
            return self._waits[token]
        error = {"Error": {"Code": "TaskDoesNotExist", "Message": "the wait is over"}}
        raise ClientError(error, "SendTask")

    def _guarded(self, execution: Execution, sleepers: list[Sleeper]) -> Iterator[float]:
        try:
            yield from self._run(execution, sleepers)
        except TaskFailedError as error:
            # Nothing in the definition catches it.
            execution.status, execution.ended_at = "FAILED", self._time.now()
            execution.error, execution.cause = error.error, error.cause

    def _run(self, execution: Execution, sleepers: list[Sleeper]) -> Iterator[float]:
        name, data = self._machine["StartAt"], execution.given
        while True:
            execution.visited.append(name)
            yield self._transition_seconds
            state = self._machine["States"][name]
            context = {
                "Execution": {
                    "Id": execution.arn,
                    "Input": execution.given,
                    "StartTime": to_iso(execution.started_at),
                },
                "State": {"Name": name, "EnteredTime": to_iso(self._time.now())},
                "StateMachine": {"Id": "arn:aws:states:::stateMachine:simulated"},
            }
            states: dict[str, Any] = {"input": data, "context": context}
            match state["Type"]:
                case "Choice":
                    name, data = self._choose(state, states)
                case "Wait":
                    yield float(self._expressions.fill(state["Seconds"], states))  # type: ignore[arg-type]  # a number, or it is refused
                    name, data = state["Next"], self._output(state, states)
                case "Task":
                    name, data = yield from self._task(state, states, sleepers[0])
                case _:
                    self._end(execution, state, states)
                    return

    def _choose(self, state: State, states: Mapping[str, Any]) -> _Next:
        for rule in state["Choices"]:
            if self._expressions.fill(rule["Condition"], states) is True:
                return rule["Next"], self._output(rule, states)
        return state["Default"], states["input"]

    def _task(
        self, state: State, states: dict[str, Any], sleeper: Sleeper
    ) -> Generator[float, None, _Next]:
        tries: dict[int, int] = {}
        while True:
            try:
                result = yield from self._try(state, states, sleeper)
                return state["Next"], self._output(state, {**states, "result": result})
            except TaskFailedError as error:
                pause = self._pause(state, error, tries)
                if pause is None:
                    return self._caught(state, states, error)
            yield pause

    def _try(self, state: State, states: dict[str, Any], sleeper: Sleeper) -> Doing:
        resource = state["Resource"]
        began_at = self._time.now()
        timeout_at = began_at + timedelta(seconds=state["TimeoutSeconds"])
        if not resource.endswith(_WAITING):
            arguments = self._expressions.fill(state["Arguments"], states)
            result = yield from self._resources[resource](arguments)
            if self._time.now() > timeout_at:
                raise TaskFailedError(error="States.Timeout")
            return result
        token = f"token-{next(self._tokens)}"
        states["context"]["Task"] = {"Token": token}
        arguments = self._expressions.fill(state["Arguments"], states)
        seconds = state.get("HeartbeatSeconds", state["TimeoutSeconds"])
        self._waits[token] = _Wait(sleeper, seconds, began_at + timedelta(seconds=seconds))
        try:
            yield from self._resources[resource.removesuffix(_WAITING)](arguments)
            return (yield from self._await(self._waits[token], timeout_at))
        finally:
            del self._waits[token]

    def _await(self, wait: _Wait, timeout_at: datetime) -> Doing:
        while wait.answer is None:
            now = self._time.now()
            if now >= timeout_at:
                raise TaskFailedError(error="States.Timeout")
            if now >= wait.silent_at:
                raise TaskFailedError(error="States.HeartbeatTimeout")
            yield (min(timeout_at, wait.silent_at) - now).total_seconds()
        answer: Json = json.loads(wait.answer)
        return answer

    def _pause(self, state: State, error: TaskFailedError, tries: dict[int, int]) -> float | None:
        """Give for how long to wait before the next try; None if there is none."""
        for number, retrier in enumerate(state.get("Retry", ())):
            if not _names(retrier, error):
                continue
            made = tries.get(number, 0)
            if made >= retrier["MaxAttempts"]:
                return None
            tries[number] = made + 1
            longest = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** made
            return self._jitter.uniform(0, min(longest, retrier["MaxDelaySeconds"]))
        return None

    def _caught(self, state: State, states: Mapping[str, Any], error: TaskFailedError) -> _Next:
        told = {"Error": error.error, "Cause": error.cause}
        for catcher in state.get("Catch", ()):
            if _names(catcher, error):
                return catcher["Next"], self._output(catcher, {**states, "errorOutput": told})
        raise error

    def _output(self, place: State, states: Mapping[str, Any]) -> Json:
        if "Output" in place:
            return self._expressions.fill(place["Output"], states)
        found: Json = states.get("result", states["input"])
        return found

    def _end(self, execution: Execution, state: State, states: Mapping[str, Any]) -> None:
        execution.ended_at = self._time.now()
        if state["Type"] == "Succeed":
            execution.status, execution.output = "SUCCEEDED", self._output(state, states)
            return
        execution.status = "FAILED"
        execution.error = str(self._expressions.fill(state["Error"], states))
        execution.cause = str(self._expressions.fill(state["Cause"], states))


def _names(rule: State, error: TaskFailedError) -> bool:
    named = rule["ErrorEquals"]
    return error.error in named or ("States.ALL" in named and error.error not in _NOT_CAUGHT)


def _check_known(name: str, state: State) -> None:
    known = _OF_ALL | _FIELDS.get(state["Type"], frozenset())
    if unknown := sorted(state.keys() - known):
        msg = f"state {name} of type {state['Type']} has {unknown}, which is not simulated"
        raise ValueError(msg)
