"""The services around a simulated run, as far as the state machine and the invoker call them."""

import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from bench.simulated.errors import TaskFailedError
from bench.simulated.machine import Doing, Resource, SimulatedStepFunctions
from bench.simulated.table import CountedClient
from runs.json_types import Json
from runs.letters import Letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """How long things take, in seconds. Assumed: nothing here can be measured without AWS."""

    #: From one state to the next.
    transition: float = 0.02
    #: A call of a service by a state.
    call: float = 0.02
    #: An invocation of the invoker; the estimate assumes the same.
    invocation: float = 0.5
    #: From InvokeAgentRuntime's answer to the worker's claim, in a new session.
    session_start: float = 1.0


@dataclass(slots=True)
class Session:
    """A runtime session that is paid from its beginning until it is stopped."""

    began_at: datetime
    ended_at: datetime | None = None

    def seconds(self) -> float:
        """Give for how long it was on.

        Raises:
            ValueError: It still is.
        """
        if self.ended_at is None:
            msg = f"the session that began at {self.began_at} was never stopped"
            raise ValueError(msg)
        return (self.ended_at - self.began_at).total_seconds()


@dataclass(slots=True)
class SimulatedAgentCore:
    """See boto3's `bedrock-agentcore` client: the calls of `invoker.transport.AgentCore`."""

    clock: Callable[[], datetime]
    #: Has a worker begin in a session.
    begin: Callable[[str], None]
    sessions: list[Session] = field(default_factory=list)

    @property
    def open_session(self) -> Session | None:
        """Give the session that is on."""
        last = self.sessions[-1] if self.sessions else None
        return None if last is None or last.ended_at else last

    def invoke_agent_runtime(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
        """See boto3."""
        if self.open_session is None:
            self.sessions.append(Session(self.clock()))
        self.begin(arguments["runtimeSessionId"])
        return {"response": io.BytesIO(b'{"status": "STARTED"}')}

    def stop_runtime_session(self, **_arguments: Any) -> None:  # noqa: ANN401 - boto3's
        """See boto3."""
        if (session := self.open_session) is None:
            error = {"Error": {"Code": "ResourceNotFoundException", "Message": "no such session"}}
            raise ClientError(error, "StopRuntimeSession")
        session.ended_at = self.clock()


@dataclass(slots=True)
class KeptPost:
    """See `runs.post.base.Post`."""

    letters: list[Letter] = field(default_factory=list)

    def send(self, letter: Letter) -> None:
        """See `Post.send`."""
        self.letters.append(letter)


@dataclass(slots=True, kw_only=True)
class Resources:
    """What the resources of a definition stand for."""

    latencies: Latencies
    dynamodb: CountedClient
    invoke: Callable[[Json], Json]
    #: Events as they were put on the bus.
    events: list[Json] = field(default_factory=list)
    invocations: int = 0
    #: How long the real handler took for them, on this machine.
    handler_seconds: float = 0.0
    machine: SimulatedStepFunctions | None = None

    def by_name(self) -> Mapping[str, Resource]:
        """Give them under the names that states call them by."""
        return {
            "arn:aws:states:::lambda:invoke": self._invoke,
            "arn:aws:states:::dynamodb:getItem": self._get_item,
            "arn:aws:states:::dynamodb:updateItem": self._update_item,
            "arn:aws:states:::aws-sdk:dynamodb:updateItem": self._update_item_by_sdk,
            "arn:aws:states:::events:putEvents": self._put_events,
            "arn:aws:states:::states:startExecution": self._start_execution,
        }

    def _invoke(self, arguments: Any) -> Doing:  # noqa: ANN401 - JSON
        self.invocations += 1
        yield self.latencies.invocation
        # To text and back, as it travels.
        payload = json.loads(json.dumps(arguments["Payload"]))
        began = time.perf_counter()
        answer = self.invoke(payload)
        self.handler_seconds += time.perf_counter() - began
        return {"StatusCode": 200, "Payload": answer}

    def _get_item(self, arguments: Any) -> Doing:  # noqa: ANN401 - JSON
        yield self.latencies.call
        return self.dynamodb.get_item(**arguments)

    def _update_item(self, arguments: Any) -> Doing:  # noqa: ANN401 - JSON
        yield self.latencies.call
        return self._updated(arguments, service="DynamoDB")

    def _update_item_by_sdk(self, arguments: Any) -> Doing:  # noqa: ANN401 - JSON
        yield self.latencies.call
        return self._updated(arguments, service="DynamoDb")

    def _updated(self, arguments: Any, *, service: str) -> Json:  # noqa: ANN401 - JSON
        try:
            answer: Json = self.dynamodb.update_item(**arguments)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise TaskFailedError(error=f"{service}.{code}", cause=str(error)) from error
        return answer

    def _put_events(self, arguments: Any) -> Doing:  # noqa: ANN401 - JSON
        yield self.latencies.call
        self.events += arguments["Entries"]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": str(len(self.events))}]}

    def _start_execution(self, arguments: Any) -> Doing:  # noqa: ANN401 - JSON
        yield self.latencies.call
        if self.machine is None:
            msg = "there is no machine yet to start an execution of"
            raise RuntimeError(msg)
        started = self.machine.start(arguments["Input"], name=arguments["Name"])
        return {"ExecutionArn": started.arn}
