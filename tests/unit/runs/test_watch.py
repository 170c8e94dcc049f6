"""A child run in a table is watched by an execution of its own."""

import json

import pytest
from botocore.exceptions import ClientError

from runs.errors import JournalUnavailableError, UnwatchedRunError
from runs.stepfunctions import StepFunctionsStarter, StepFunctionsWatcher
from runs.telemetry.scope import Scope, within
from runs.telemetry.traces import Trace
from runs.watch import Watcher

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:errand"


class Refusing:
    """A client that refuses to start executions, if it is given an error's code."""

    def __init__(self, code: str | None = None) -> None:
        self.started: list[tuple[str, str, str]] = []
        self.traces: list[str] = []
        self._code = code

    def start_execution(
        self,
        *,
        stateMachineArn: str,  # noqa: N803 - boto3's spelling
        name: str,
        input: str,  # noqa: A002 - as above
        traceHeader: str = "",  # noqa: N803 - as above
    ) -> object:
        """Start an execution, or refuse."""
        if self._code is not None:
            raise ClientError({"Error": {"Code": self._code}}, "StartExecution")
        self.started.append((stateMachineArn, name, input))
        self.traces.append(traceHeader)
        return {}


def watcher(client: Refusing) -> Watcher:
    return StepFunctionsWatcher(client, state_machine=MACHINE)


def test_a_child_s_execution_only_watches_and_is_named_for_it() -> None:
    client = Refusing()

    watcher(client).watch("session-1")

    ((machine, name, given),) = client.started
    assert (machine, name) == (MACHINE, "watch-session-1")
    assert json.loads(given) == {"session_id": "session-1", "watch": True}


def test_the_longest_session_id_still_names_an_execution() -> None:
    client = Refusing()

    watcher(client).watch("s" * 256)
    watcher(client).watch("s" * 255)

    names = [name for _, name, _ in client.started]
    assert all(len(name) <= 80 for name in names)
    assert len(set(names)) == 2


def test_each_retry_is_watched_by_an_execution_of_its_own() -> None:
    client = Refusing()

    for retry in (0, 1, 2, 2):
        watcher(client).watch("session-1", retry=retry)
    watcher(client).watch("s" * 70, retry=1)
    watcher(client).watch("s" * 70, retry=2)

    *names, long, longer = [name for _, name, _ in client.started]
    assert names == ["watch-session-1", *(f"watch-session-1-retry-{n}" for n in (1, 2, 2))]
    assert long != longer


def test_a_child_that_was_watched_before_is_watched() -> None:
    watcher(Refusing("ExecutionAlreadyExists")).watch("session-1")


def test_a_child_nobody_may_watch_is_said_to_be_unwatched() -> None:
    with pytest.raises(UnwatchedRunError, match="AccessDeniedException"):
        watcher(Refusing("AccessDeniedException")).watch("session-1")


def test_throttling_is_tried_again() -> None:
    with pytest.raises(JournalUnavailableError):
        watcher(Refusing("ThrottlingException")).watch("session-1")


def test_an_execution_is_in_the_trace_of_who_starts_it() -> None:
    client = Refusing()
    trace = Trace(trace_id="5" * 32, span_id="3" * 16)

    watcher(client).watch("session-1")
    with within(Scope(trace=trace)):
        watcher(client).watch("session-2")
        StepFunctionsStarter(client, state_machine=MACHINE).start("session-3", {})

    assert client.traces == ["", trace.xray, trace.xray]
