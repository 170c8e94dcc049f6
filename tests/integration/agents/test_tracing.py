"""One trace goes from the event to the model call: invoker, data plane, agent, over two attempts.

Each in a process of its own, with the data plane's stand-in and a table between them.
"""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent.tracing import CONTENT_VARIABLE
from crash.table import create_table
from local.agentcore import RUNTIME_ARN, build_app
from local.environment import CREDENTIALS, REGION
from local.own_emulator import RunningEmulator
from local.server import ServerThread
from runs.artifacts.folder import FolderStore
from runs.journal.dynamodb import DynamoJournal
from runs.run import Run, Status
from runs.telemetry.traces import TRACE_VARIABLE
from tests.support.agent_server import AgentServer, clean_environ
from tests.support.engine import wait_until
from tests.support.traced import GATE, SECRET, SPANS, TOPICS

ROOT = "5759e988bd862e3fe1be46a994272793"
#: The functions' own segments: the one that accepts the run, and the one that dispatches it again.
ACCEPTING, DISPATCHING = "53995c3f42cd8ad8", "70de5b6f19ff9a0a"

#: The function, as Lambda runs it: imported once, and told its trace by its environment.
FUNCTION = """
import json, sys
from invoker.start import handler

class Context:
    aws_request_id = "request-1"
    def get_remaining_time_in_millis(self):
        return 60_000

print(json.dumps(handler(json.loads(sys.argv[1]), Context())))
"""

Span = dict[str, Any]


@dataclass
class Traced:
    """The processes of a chain that is traced, around one run."""

    folder: Path
    emulator: RunningEmulator
    session_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    table: str = field(default_factory=lambda: f"runs-{uuid.uuid4()}")

    def __post_init__(self) -> None:
        client = self.emulator.client("dynamodb")
        create_table(client, self.table)
        self.artifacts = FolderStore(self.folder / "artifacts")
        self.journal = DynamoJournal(client, table=self.table, artifacts=self.artifacts)

    @property
    def gate(self) -> Path:
        return self.folder / "gate"

    def agent(self, *command: str, **environ: str) -> AgentServer:
        """Give an agent that is yet to be started, by a command before its own."""
        told = {
            "ERRAND_JOURNAL": f"dynamodb:{self.table}",
            "ERRAND_STAGE": "test",
            SPANS: str(self.folder / "spans.jsonl"),
            GATE: str(self.gate),
        }
        own = ("-m", "tests.support.traced")
        return AgentServer(self.folder, self._aws() | told | environ, command=(*command, *own))

    def invoke(self, agent: AgentServer, *, segment: str, **event: object) -> dict[str, Any]:
        """Invoke the function while an agent runs, in a segment of the trace."""
        plane = ServerThread(build_app(f"http://127.0.0.1:{agent.port}"), port=0)
        told = {
            "ERRAND_TABLE": self.table,
            "ERRAND_RUNTIME_ARN": RUNTIME_ARN,
            "ERRAND_WORKFLOWS": "traced",
            "ERRAND_ARTIFACTS": str(self.folder / "artifacts"),
            "ERRAND_REDISPATCH_SECONDS": "1",
            "ERRAND_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:approvals",
            "ERRAND_BUS": "errand",
            "ERRAND_APPROVALS_URL": "http://127.0.0.1",
            "ERRAND_LINK_KEYS": str(self.folder / "keys"),
            "ERRAND_STAGE": "test",
            "AWS_LAMBDA_FUNCTION_NAME": "invoker",
            "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": f"http://127.0.0.1:{plane.port}",
            TRACE_VARIABLE: f"Root=1-{ROOT[:8]}-{ROOT[8:]};Parent={segment};Sampled=1",
        }
        try:
            ran = subprocess.run(  # noqa: S603 - this interpreter, our own text
                [sys.executable, "-c", FUNCTION, json.dumps(event)],
                env=clean_environ(os.environ) | self._aws() | told,
                capture_output=True,
                text=True,
                check=True,
            )
        finally:
            plane.stop()
        with (self.folder / "function.log").open("a") as log:
            log.write(ran.stderr)
        answer: dict[str, Any] = json.loads(ran.stdout)
        return answer

    def start(self, agent: AgentServer) -> None:
        """Have the function accept the run and hand it over."""
        detail = {"workflow": "traced", "prompt": f"the {SECRET} of a request"}
        answer = self.invoke(
            agent, segment=ACCEPTING, action="accept", session_id=self.session_id, detail=detail
        )
        assert answer["outcome"] == "STARTED"

    def wait_for(self, status: Status, *, attempt: int) -> Run:
        """Wait until an attempt has brought the run to a status."""

        def is_there() -> bool:
            run = self.journal.get(self.session_id)
            return run is not None and (run.status, run.attempt) == (status, attempt)

        wait_until(is_there, seconds=30)
        run = self.journal.get(self.session_id)
        assert run is not None
        return run

    def spans(self) -> list[Span]:
        """Read the spans that have ended."""
        lines = (self.folder / "spans.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def lines(self, name: str = "agent.log") -> list[dict[str, Any]]:
        """Read a log."""
        text = (self.folder / name).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def _aws(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.emulator.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **CREDENTIALS,
        }


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, emulator: RunningEmulator) -> Iterator[Traced]:
    """A run whose first worker was killed in a step, and whose second brought it to its end."""
    made = Traced(tmp_path_factory.mktemp("traced"), emulator)
    with made.agent() as agent:
        made.start(agent)
        wait_until(lambda: "waiting for leave" in agent.log.read_text(), seconds=30)
    made.gate.touch()
    with made.agent() as agent:
        # The lease of the worker that was killed has to expire first.
        wait_until(
            lambda: (
                made.invoke(
                    agent, segment=DISPATCHING, action="dispatch", session_id=made.session_id
                )["outcome"]
                == "STARTED"
            ),
            seconds=30,
        )
        made.wait_for(Status.COMPLETED, attempt=2)
        # The attempt's own span ends after the run does.
        wait_until(lambda: any(each["name"] == "run traced" for each in made.spans()), seconds=10)
    yield made
    emulator.client("dynamodb").delete_table(TableName=made.table)


def named(spans: list[Span], name: str) -> list[Span]:
    return [each for each in spans if each["name"] == name]


def test_all_spans_of_both_attempts_are_in_the_trace_of_the_event(chain: Traced) -> None:
    spans = chain.spans()

    assert {each["context"]["trace_id"] for each in spans} == {f"0x{ROOT}"}
    assert {each["attributes"]["errand.attempt"] for each in spans} == {1, 2}


def test_each_span_says_which_run_it_is_of(chain: Traced) -> None:
    for span in chain.spans():
        told = span["attributes"]
        assert told["errand.session_id"] == told["session.id"] == chain.session_id
        assert told["errand.workflow"] == "traced"


def test_a_model_call_descends_from_the_function_that_asked_for_it(chain: Traced) -> None:
    spans = chain.spans()
    by_id = {each["context"]["span_id"]: each for each in spans}
    chats = named(spans, "chat")

    ways = set()
    for chat in chats:
        way, at = [], chat
        while at["parent_id"] in by_id:
            at = by_id[at["parent_id"]]
            way.append(at["name"])
        ways.add((*way, at["parent_id"]))

    assert len(chats) == 2 * len(TOPICS)
    assert ways == {
        (
            "execute_event_loop_cycle",
            f"invoke_agent {topic}",
            f"step {topic}",
            f"context {branch}",
            "context topics",
            "run traced",
            f"0x{DISPATCHING}",
        )
        for topic in TOPICS
        for branch in [branch_of(spans, topic)]
    }


def branch_of(spans: list[Span], topic: str) -> str:
    """Give the name of the branch that a topic's step is in, as the durable SDK names it."""
    (step,) = named(spans, f"step {topic}")
    (branch,) = [each for each in spans if each["context"]["span_id"] == step["parent_id"]]
    return str(branch["name"].removeprefix("context "))


def test_a_tool_call_is_below_its_step(chain: Traced) -> None:
    looks = named(chain.spans(), "execute_tool look")

    assert {each["attributes"]["errand.step"] for each in looks} == set(TOPICS)


def test_an_attempt_tells_how_it_left_the_run(chain: Traced) -> None:
    (attempt,) = named(chain.spans(), "run traced")

    assert attempt["attributes"]["errand.status"] == "COMPLETED"
    assert attempt["attributes"]["errand.attempt"] == 2


def test_no_span_says_what_people_and_models_said(chain: Traced) -> None:
    text = (chain.folder / "spans.jsonl").read_text(encoding="utf-8")
    stumbles = named(chain.spans(), "execute_tool stumble")

    assert SECRET not in text
    assert [each["status"] for each in stumbles] == [{"status_code": "ERROR"}] * len(TOPICS)
    assert "ValueError" in text, "what kind of an error it was is no content"


def test_lines_of_the_agent_say_run_attempt_and_step(chain: Traced) -> None:
    lines = [
        each
        for each in chain.lines()
        if each["logger"] == "__main__" or ".traced" in each["logger"]
    ]

    where = {
        (each["message"], each["attempt"], each.get("step"))
        for each in lines
        if (each["session_id"], each["workflow"], each["trace_id"])
        == (chain.session_id, "traced", ROOT)
    }
    branches = {branch_of(chain.spans(), topic) for topic in TOPICS}
    assert where == {
        ("begun", 1, None),
        ("waiting for leave", 1, "leave"),
        ("begun", 2, None),
        ("waiting for leave", 2, "leave"),
        *(("branching", 2, branch) for branch in branches),
        *(("looking", 2, topic) for topic in TOPICS),
    }


def test_every_line_of_every_process_is_json(chain: Traced) -> None:
    lines = chain.lines() + chain.lines("function.log")

    assert all({"timestamp", "level", "message", "logger"} <= set(each) for each in lines)
    assert all(each["trace_id"] == ROOT for each in chain.lines("function.log"))


def test_metrics_count_each_fact_once_over_both_attempts(chain: Traced) -> None:
    counted: dict[str, float] = {}
    for line in chain.lines() + chain.lines("function.log"):
        for metric in line.get("_aws", {}).get("CloudWatchMetrics", [{}])[0].get("Metrics", ()):
            assert line["Stage"] == "test"
            assert line["session_id"] == chain.session_id
            counted[metric["Name"]] = counted.get(metric["Name"], 0) + line[metric["Name"]]

    assert counted["RunsAccepted"] == counted["RunsCompleted"] == 1
    assert (counted["AttemptsStarted"], counted["AttemptsLost"]) == (2, 1)
    assert counted["ModelCalls"] == 2 * len(TOPICS)
    assert (counted["ToolCalls"], counted["ToolFailures"]) == (2 * len(TOPICS), len(TOPICS))
    assert counted["DispatchesTaken"] == 2
    assert counted["SavedSteps"] == 1


def test_content_is_kept_where_it_is_asked_for(tmp_path: Path, emulator: RunningEmulator) -> None:
    made = Traced(tmp_path, emulator)
    made.gate.touch()
    with made.agent(**{CONTENT_VARIABLE: "1"}) as agent:
        made.start(agent)
        made.wait_for(Status.COMPLETED, attempt=1)

    text = (made.folder / "spans.jsonl").read_text(encoding="utf-8")
    for what in ("left", "a call", "an answer", "a system"):
        assert f"the {SECRET} of {what}" in text


def test_under_aws_own_distribution_it_is_the_same(
    tmp_path: Path, emulator: RunningEmulator
) -> None:
    """As AgentCore starts it, with all instrumentation on, but for where spans and logs go."""
    made = Traced(tmp_path, emulator)
    made.gate.touch()
    instrument = (str(Path(sys.executable).with_name("opentelemetry-instrument")), sys.executable)
    told = {
        SPANS: "",
        "AGENT_OBSERVABILITY_ENABLED": "true",
        "OTEL_PYTHON_DISTRO": "aws_distro",
        "OTEL_PYTHON_CONFIGURATOR": "aws_configurator",
        "OTEL_PYTHON_EXCLUDED_URLS": "ping",
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_LOGS_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "none",
        # Whoever is told that the run has ended stops the session: nothing may wait for later.
        "OTEL_BSP_SCHEDULE_DELAY": "60000",
    }
    with made.agent(*instrument, **told) as agent:
        made.start(agent)
        made.wait_for(Status.COMPLETED, attempt=1)
        wait_until(lambda: '"name": "run traced"' in agent.log.read_text(), seconds=10)
        text = agent.log.read_text(encoding="utf-8")

    spans = [each for each in objects_in(text) if "parent_id" in each]
    (request,) = named(spans, "POST /invocations")
    (attempt,) = named(spans, "run traced")
    assert request["parent_id"] == f"0x{ACCEPTING}"
    assert attempt["parent_id"] == request["context"]["span_id"]
    assert {each["attributes"]["errand.session_id"] for each in spans} == {made.session_id}
    assert len(named(spans, "chat")) == 2 * len(TOPICS)
    assert SECRET not in text


def objects_in(text: str) -> Iterator[dict[str, Any]]:
    """Read the JSON objects in a text that has others between them."""
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        try:
            found, at = decoder.raw_decode(text, at)
            yield found
        except ValueError:
            at += 1
        at = text.find("{", at)
