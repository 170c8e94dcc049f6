"""The ways that the functions have to those who wait: by the wire, and in each composition root."""

import importlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from invoker.wiring import LateCallbacks
from runs.errors import AnswerNotToldError
from runs.operations import OperationStatus, OperationType
from tests.support.journals import an_operation

ENVIRON = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_SECRET_ACCESS_KEY": "test",
    "ERRAND_ANSWER_WAIT_SECONDS": "60",
    "ERRAND_ARTIFACTS": "/nowhere",
    "ERRAND_DEAD_LETTERS": "https://sqs.test/dead",
    "ERRAND_LINK_KEYS": "/nowhere/keys",
    "ERRAND_STAGE": "test",
    "ERRAND_STATE_MACHINE": "arn:aws:states:us-east-1:000000000000:stateMachine:run",
    "ERRAND_TABLE": "journal",
    "ERRAND_TASK_QUEUE": "https://sqs.test/tasks",
    "ERRAND_WORKFLOWS": "marketing-post",
}
ANSWERED = an_operation(
    type=OperationType.CALLBACK,
    status=OperationStatus.SUCCEEDED,
    payload='{"decision": "approved"}',
    external_id="VGhlaXJz",
)


class Service:
    """The Lambda service's end of the wire, which takes every answer or none."""

    def __init__(self) -> None:
        self.status = 200
        self.told: list[tuple[str, bytes]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Take an answer, of the library's own name."""
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.told.append((self.path, body))
                said = b'{"message": "not allowed"}'
                self.send_response(service.status)
                self.send_header("x-amzn-ErrorType", "AccessDeniedException")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                """Tell nobody: a test's output is its failures."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    made = Service()
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{made.server.server_port}")
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def answers_of(root: str) -> Any:  # noqa: ANN401 - a module's own
    module: Any = importlib.import_module(root)
    return module._API.answers if root.endswith("approvals") else module._DELIVERY.tasks.answers


@pytest.mark.parametrize("root", ["invoker.approvals", "invoker.queue"])
def test_page_and_queue_tell_the_lambda_service(service: Service, root: str) -> None:
    answers = answers_of(root)
    # The module may have been imported before, for another service.
    answers.service.__dict__.pop("_service", None)

    answers.service.tell(ANSWERED)

    path = "/2025-12-01/durable-execution-callbacks/VGhlaXJz/succeed"
    assert service.told == [(path, b'{"decision": "approved"}')]


def test_a_service_that_does_not_let_us_is_told_with_what_to_do(service: Service) -> None:
    service.status = 403

    with pytest.raises(AnswerNotToldError, match="not allowed"):
        LateCallbacks().tell(ANSWERED)
