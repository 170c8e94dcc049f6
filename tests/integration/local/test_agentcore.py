"""The stand-in for AgentCore, spoken to with the AWS SDK."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.agentcore import RUNTIME_ARN, SESSION_HEADER, build_app
from local.clients import Client
from local.environment import REGION
from local.ports import free_port
from local.server import ServerThread

SESSION = "a-session-of-at-least-33-characters"
START_SECONDS = 5.0


class Agent(BaseHTTPRequestHandler):
    """Answers with what it was sent, and the status it was asked for."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = json.dumps({"path": self.path, "headers": headers, "body": body.decode()})
        self.send_response(json.loads(body).get("status", 200))
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


class Plane:
    """A stand-in in front of an agent that may be started later."""

    def __init__(self, *, start_seconds: float) -> None:
        self.agent_port = free_port()
        app = build_app(f"http://127.0.0.1:{self.agent_port}", start_seconds=start_seconds)
        self.server = ServerThread(app, port=0)
        self.agent: ThreadingHTTPServer | None = None

    def start_agent(self) -> None:
        self.agent = ThreadingHTTPServer(("127.0.0.1", self.agent_port), Agent)
        threading.Thread(target=self.agent.serve_forever, daemon=True).start()

    def client(self, service: str = "bedrock-agentcore") -> Client:
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self.server.port}",
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def invoke(self, payload: object, **more: str) -> Any:  # noqa: ANN401 - boto3's answer
        request = {"agentRuntimeArn": RUNTIME_ARN, "runtimeSessionId": SESSION, **more}
        return self.client().invoke_agent_runtime(payload=json.dumps(payload), **request)

    def stop(self) -> None:
        self.server.stop()
        if self.agent:
            self.agent.shutdown()
            self.agent.server_close()


@pytest.fixture
def plane() -> Iterator[Plane]:
    made = Plane(start_seconds=START_SECONDS)
    made.start_agent()
    yield made
    made.stop()


def read(answer: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer["response"].read())
    return found


def test_an_invocation_reaches_the_agent_with_its_session(plane: Plane) -> None:
    answer = plane.invoke({"prompt": "analyse"})
    seen = read(answer)

    assert (answer["statusCode"], answer["runtimeSessionId"]) == (200, SESSION)
    assert answer["contentType"] == "application/json"
    assert seen["path"] == "/invocations"
    assert seen["headers"][SESSION_HEADER.lower()] == SESSION
    assert json.loads(seen["body"]) == {"prompt": "analyse"}


def test_the_callers_signature_stays_outside(plane: Plane) -> None:
    seen = read(plane.invoke({}))

    assert "authorization" not in seen["headers"]


def test_without_a_session_one_is_made(plane: Plane) -> None:
    answer = plane.client().invoke_agent_runtime(agentRuntimeArn=RUNTIME_ARN, payload=b"{}")

    assert len(answer["runtimeSessionId"]) >= 33
    assert read(answer)["headers"][SESSION_HEADER.lower()] == answer["runtimeSessionId"]


@pytest.mark.parametrize("status", [400, 409, 500])
def test_an_error_of_the_agent_is_the_runtime_client_error(plane: Plane, status: int) -> None:
    with pytest.raises(ClientError, match=rf"received error \({status}\)") as caught:
        plane.invoke({"status": status})

    assert caught.value.response["Error"]["Code"] == "RuntimeClientError"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424


def test_a_session_id_that_is_too_long_is_refused(plane: Plane) -> None:
    with pytest.raises(ClientError, match="300 characters, expected 33 to 256") as caught:
        plane.invoke({}, runtimeSessionId="s" * 300)

    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_an_unknown_runtime_is_not_found(plane: Plane) -> None:
    with pytest.raises(ClientError, match="does not exist") as caught:
        plane.invoke({}, agentRuntimeArn=f"{RUNTIME_ARN}-2")

    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_session_is_stopped_once(plane: Plane) -> None:
    plane.invoke({})["response"].read()
    request = {"agentRuntimeArn": RUNTIME_ARN, "runtimeSessionId": SESSION}

    stopped = plane.client().stop_runtime_session(**request)

    assert (stopped["statusCode"], stopped["runtimeSessionId"]) == (200, SESSION)
    with pytest.raises(ClientError, match="is not running"):
        plane.client().stop_runtime_session(**request)


def test_an_agent_that_is_starting_is_waited_for() -> None:
    plane = Plane(start_seconds=START_SECONDS)
    timer = threading.Timer(0.5, plane.start_agent)
    timer.start()

    answer = plane.invoke({"prompt": "analyse"})

    assert read(answer)["path"] == "/invocations"
    timer.join()
    plane.stop()


def test_an_agent_that_never_listens_is_the_runtime_client_error() -> None:
    plane = Plane(start_seconds=0.2)

    with pytest.raises(ClientError, match="the agent does not listen") as caught:
        plane.invoke({})

    assert caught.value.response["Error"]["Code"] == "RuntimeClientError"
    plane.stop()


def test_the_identity_calls_of_a_local_invoke_are_answered(plane: Plane) -> None:
    control = plane.client("bedrock-agentcore-control")
    url = "http://localhost:8081/oauth2/callback"

    made = control.create_workload_identity(name="errand")
    token = plane.client().get_workload_access_token(workloadName="errand")
    control.update_workload_identity(name="errand", allowedResourceOauth2ReturnUrls=[url])
    found = control.get_workload_identity(name="errand")

    assert made["workloadIdentityArn"].endswith("/workload-identity/errand")
    assert token["workloadAccessToken"]
    assert found["allowedResourceOauth2ReturnUrls"] == [url]
    assert found["createdTime"].timestamp() <= time.time()


def test_identities_are_unique_and_have_to_exist(plane: Plane) -> None:
    control = plane.client("bedrock-agentcore-control")
    control.create_workload_identity(name="errand")

    with pytest.raises(ClientError, match="ConflictException"):
        control.create_workload_identity(name="errand")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        plane.client().get_workload_access_token(workloadName="nobody")
