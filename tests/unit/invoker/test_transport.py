import threading
from collections.abc import Iterator

import boto3
import pytest
from botocore.config import Config

from invoker.errors import AgentRefusedError, AgentUnavailableError
from invoker.transport import CALL_SECONDS, CLIENT_CONFIG, AgentRuntime
from tests.support.data_plane import (
    RUNTIME_ARN,
    Call,
    DataPlane,
    Reply,
    running_data_plane,
)

SESSION = "0b5d3a52-6a3f-4a7e-9d0f-1f6f1f2f3f4f"


@pytest.fixture
def plane() -> Iterator[DataPlane]:
    with running_data_plane() as plane:
        yield plane


def runtime_at(url: str, *, read_seconds: float | None = None) -> AgentRuntime:
    config = Config(proxies={})
    if read_seconds is not None:
        config = config.merge(Config(read_timeout=read_seconds))
    client = boto3.client(
        "bedrock-agentcore",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=CLIENT_CONFIG.merge(config),
    )
    return AgentRuntime(client, arn=RUNTIME_ARN)


@pytest.fixture
def runtime(plane: DataPlane) -> AgentRuntime:
    return runtime_at(plane.url)


def test_a_request_goes_to_the_session_of_its_run(plane: DataPlane, runtime: AgentRuntime) -> None:
    status = runtime.send(SESSION, "start")

    expected = {"action": "start", "session_id": SESSION}
    assert status == "STARTED"
    assert plane.calls == [Call(RUNTIME_ARN, "invocations", SESSION, expected)]


@pytest.mark.parametrize(
    ("error", "http"),
    [
        ("ThrottlingException", 429),
        ("RetryableConflictException", 409),
        ("ServiceQuotaExceededException", 402),
        ("InternalServerException", 500),
        ("RuntimeClientError", 424),
        ("SomethingNewException", 503),
    ],
)
def test_an_error_that_passes_is_tried_once_and_left_to_the_caller(
    plane: DataPlane, runtime: AgentRuntime, error: str, http: int
) -> None:
    plane.answers = lambda _call: Reply.refused(error, http)

    with pytest.raises(AgentUnavailableError, match=error) as raised:
        runtime.send(SESSION, "start")

    assert not raised.value.is_delivered
    assert len(plane.calls) == 1


@pytest.mark.parametrize(
    ("error", "http"),
    [
        ("ValidationException", 400),
        ("AccessDeniedException", 403),
        ("ResourceNotFoundException", 404),
    ],
)
def test_an_error_that_stays_names_the_runtime_and_the_cause(
    plane: DataPlane, runtime: AgentRuntime, error: str, http: int
) -> None:
    plane.answers = lambda _call: Reply.refused(error, http)

    with pytest.raises(AgentRefusedError, match=error) as raised:
        runtime.send(SESSION, "start")

    assert RUNTIME_ARN in str(raised.value)


def test_an_answer_that_does_not_come_in_time_may_have_been_delivered(plane: DataPlane) -> None:
    release = threading.Event()

    def never(_call: Call) -> Reply:
        release.wait()
        return Reply()

    plane.answers = never
    try:
        with pytest.raises(AgentUnavailableError) as raised:
            runtime_at(plane.url, read_seconds=0.2).send(SESSION, "start")
    finally:
        release.set()

    assert raised.value.is_delivered
    assert len(plane.calls) == 1


def test_a_connection_that_breaks_may_have_delivered_the_request(
    plane: DataPlane, runtime: AgentRuntime
) -> None:
    plane.answers = lambda _call: Reply(is_broken=True)

    with pytest.raises(AgentUnavailableError) as raised:
        runtime.send(SESSION, "start")

    assert raised.value.is_delivered
    assert len(plane.calls) == 1


def test_nobody_listening_means_nothing_was_delivered() -> None:
    with running_data_plane() as gone:
        url = gone.url

    with pytest.raises(AgentUnavailableError, match="can't be reached") as raised:
        runtime_at(url).send(SESSION, "start")

    assert not raised.value.is_delivered


def test_a_session_id_that_agentcore_can_not_take_is_refused_before_the_call(
    plane: DataPlane, runtime: AgentRuntime
) -> None:
    with pytest.raises(AgentRefusedError, match="33"):
        runtime.send("short", "start")

    assert plane.calls == []


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"{}", b'{"status": 1}'])
def test_an_answer_that_is_none_of_our_agent_s_is_told_with_its_text(
    plane: DataPlane, runtime: AgentRuntime, body: bytes
) -> None:
    plane.answers = lambda _call: Reply(body)

    with pytest.raises(AgentUnavailableError, match="the agent answered") as raised:
        runtime.send(SESSION, "start")

    assert raised.value.is_delivered


def test_stopping_ends_the_session(plane: DataPlane, runtime: AgentRuntime) -> None:
    runtime.stop(SESSION)

    assert [(call.operation, call.session_id) for call in plane.calls] == [
        ("stopruntimesession", SESSION)
    ]


@pytest.mark.parametrize(
    ("error", "http"), [("ResourceNotFoundException", 404), ("ConflictException", 409)]
)
def test_a_session_that_has_ended_is_stopped(
    plane: DataPlane, runtime: AgentRuntime, error: str, http: int
) -> None:
    plane.answers = lambda _call: Reply.refused(error, http)

    runtime.stop(SESSION)

    assert len(plane.calls) == 1


def test_a_stop_that_is_not_allowed_is_told(plane: DataPlane, runtime: AgentRuntime) -> None:
    plane.answers = lambda _call: Reply.refused("AccessDeniedException", 403)

    with pytest.raises(AgentRefusedError, match="AccessDeniedException"):
        runtime.stop(SESSION)


def test_a_call_is_over_before_the_time_set_aside_for_it() -> None:
    assert CLIENT_CONFIG.connect_timeout + CLIENT_CONFIG.read_timeout < CALL_SECONDS
