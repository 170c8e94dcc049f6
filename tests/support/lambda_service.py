"""Lambda on this machine: functions in processes of their own, and the service that invokes them.

The service is the SDK's own runner, over HTTP: the function calls it by boto3, as on AWS.
"""

import json
import logging
import multiprocessing
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
from aws_durable_execution_sdk_python_testing.model import StartDurableExecutionInput
from aws_durable_execution_sdk_python_testing.runner import WebRunner, WebRunnerConfig
from aws_durable_execution_sdk_python_testing.web.server import WebServiceConfig

from local.ports import free_port
from tests.support import lambda_process

_REGION = "us-east-1"
#: Enough to sign calls that nobody checks.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": _REGION,
}
_LOOP = 0.01


@dataclass
class Function:
    """A function as it is deployed."""

    environment: Mapping[str, str]
    #: Its time-out.
    seconds: float = 60.0
    #: See `lambda_process.invoke`.
    dying: str = ""
    invocations: int = 0
    #: Exit codes of the processes; minus the signal for one that was killed.
    exits: list[int | None] = field(default_factory=list)

    def invoke(self, payload: bytes) -> bytes | None:
        """Invoke it once, and give its output; None if its process died."""
        self.invocations += 1
        # From a small server that has imported everything: quick, and without this one's threads.
        processes = multiprocessing.get_context("forkserver")
        processes.set_forkserver_preload([lambda_process.__name__, "agent.workflows.cost_analysis"])
        receiver, sender = processes.Pipe(duplex=False)
        process = processes.Process(
            target=lambda_process.invoke,
            args=(payload, dict(self.environment), self.seconds, self.dying, sender),
        )
        process.start()
        sender.close()
        try:
            output = receiver.recv_bytes()
        except EOFError:
            output = None
        finally:
            receiver.close()
        process.join()
        self.exits.append(process.exitcode)
        process.close()
        return output


@dataclass
class LambdaService:
    """A running service with one function."""

    function: Function
    runner: WebRunner
    url: str

    def client(self) -> Any:  # noqa: ANN401 - boto3 has no static types
        """Make a boto3 client of the service."""
        return boto3.client(
            "lambda",
            endpoint_url=self.url,
            region_name=_REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def start(self, request: Mapping[str, object], *, name: str) -> str:
        """Start an execution and give its ARN."""
        assert self.runner._executor is not None
        started = self.runner._executor.start_execution(
            StartDurableExecutionInput(
                account_id="123456789012",
                function_name="research",
                function_qualifier="$LATEST",
                execution_name=name,
                execution_timeout_seconds=3_600,
                execution_retention_period_days=7,
                invocation_id=name,
                input=json.dumps(request),
            )
        )
        assert started.execution_arn is not None
        return started.execution_arn

    def wait(self, arn: str, *, seconds: int = 60) -> dict[str, Any]:
        """Wait for an execution's end, and describe it."""
        assert self.runner._executor is not None
        assert self.runner._executor.wait_until_complete(arn, seconds)
        described: dict[str, Any] = self.client().get_durable_execution(DurableExecutionArn=arn)
        return described


@contextmanager
def lambda_service(function: Function, *, page_bytes: int | None = None) -> Iterator[LambdaService]:
    """Serve a function for the block.

    Args:
        function: What is invoked.
        page_bytes: How much of an execution's state an invocation is given; it asks for the rest.
    """
    with ExitStack() as running:
        functions = running.enter_context(_served(_FunctionServer(function)))
        port = free_port()
        runner = WebRunner(
            WebRunnerConfig(
                web_service=WebServiceConfig("127.0.0.1", port, log_level=logging.WARNING),
                lambda_endpoint=f"http://127.0.0.1:{functions.server_port}",
                local_runner_region=_REGION,
                max_invocation_page_bytes=page_bytes,
            )
        )
        runner.start()
        running.callback(_close, runner)
        assert runner._server is not None
        running.enter_context(_served(runner._server))
        url = f"http://127.0.0.1:{port}"
        function.environment = {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL_LAMBDA": url,
            **function.environment,
        }
        yield LambdaService(function, runner, url)


def journal_environment(folder: Path) -> dict[str, str]:
    """Give the variables of a function whose journal is a file."""
    return {
        "ERRAND_JOURNAL": f"sqlite:{folder / 'journal.db'}",
        "ERRAND_ARTIFACTS": str(folder / "artifacts"),
        "ERRAND_MODEL": "offline",
        "ERRAND_LEASE_SECONDS": "1",
    }


class _FunctionServer(ThreadingHTTPServer):
    """Lambda's Invoke, for one function."""

    def __init__(self, function: Function) -> None:
        super().__init__(("127.0.0.1", 0), _Invoke)
        self.function = function


class _Invoke(BaseHTTPRequestHandler):
    server: _FunctionServer

    def do_POST(self) -> None:
        payload = self.rfile.read(int(self.headers["Content-Length"]))
        output = self.server.function.invoke(payload)
        body = output or b'{"errorType": "Runtime.ExitError"}'
        self.send_response(200)
        if output is None:
            self.send_header("X-Amz-Function-Error", "Unhandled")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Tell nobody: a test's output is its failures."""


@contextmanager
def _served(server: Any) -> Iterator[Any]:  # noqa: ANN401 - any server of the standard library's
    thread = threading.Thread(target=server.serve_forever, args=(_LOOP,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _close(runner: WebRunner) -> None:
    """Close a runner, and the event loop that it (1.4.0) leaves open."""
    scheduler = runner._scheduler
    runner.stop()
    assert scheduler is not None
    scheduler._loop.close()
