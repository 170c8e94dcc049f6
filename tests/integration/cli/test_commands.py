"""The commands against a local stack that is up."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from runs.ids import new_session_id
from runs.run import Run, Status
from tests.support.cli import ERRAND, PROMISED, errand, in_terminal
from tests.support.stack import LocalStack

SAMPLE = Path(__file__).parents[3] / "data" / "sample-bill.csv.gz"


def shown(stack: LocalStack, session_id: str) -> Any:  # noqa: ANN401 - JSON
    answer = errand("show", session_id, "--json", environ=stack.environ)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def kinds(history: Mapping[str, Any]) -> list[str]:
    return [event["EventType"] for event in history["events"]]


def wait_for(stack: LocalStack, session_id: str, status: Status) -> Run:
    deadline = time.monotonic() + 20
    while (run := stack.journal.get(session_id)) is None or run.status is not status:
        assert time.monotonic() < deadline, f"still {run}"
        time.sleep(0.005)
    return run


@pytest.fixture(scope="module")
def finished(stack: LocalStack) -> subprocess.CompletedProcess[str]:
    """What `errand run --json` said of the sample bill."""
    return errand("run", "--json", environ=stack.environ)


def test_a_run_ends_with_its_report_as_json(finished: subprocess.CompletedProcess[str]) -> None:
    run = json.loads(finished.stdout)

    assert finished.returncode == 0
    assert run.keys() >= PROMISED
    assert (run["status"], run["workflow"], run["error"]) == ("COMPLETED", "cost-analysis", None)
    report = next(each for each in run["artifacts"] if each["name"] == "report.md")
    assert run["result"]["headline"].split(";")[0] in Path(report["path"]).read_text()
    assert "takes the sample bill" in finished.stderr
    assert f"run {run['session_id']}" in finished.stderr


def test_show_has_every_model_call_and_tool_call_of_a_run(
    stack: LocalStack, finished: subprocess.CompletedProcess[str]
) -> None:
    run = json.loads(finished.stdout)

    history = shown(stack, run["session_id"])

    assert {key: history[key] for key in run} == run
    assert kinds(history).count("ModelCalled") == run["usage"]["model_calls"]
    tools = {each["Name"] for each in history["events"] if each["EventType"] == "ToolCalled"}
    assert "run_sql" in tools
    assert [each["EventId"] for each in history["events"]] == list(
        range(1, len(history["events"]) + 1)
    )
    assert {each["Name"]: each["Status"] for each in history["operations"]} == {
        "load": "SUCCEEDED",
        "analyst": "SUCCEEDED",
        "report": "SUCCEEDED",
    }


def test_a_relative_input_is_the_callers_file(stack: LocalStack, tmp_path: Path) -> None:
    shutil.copy(SAMPLE, tmp_path / "bill.csv.gz")

    answer = errand("run", "--input", "bill.csv.gz", "--json", environ=stack.environ, cwd=tmp_path)

    assert answer.returncode == 0
    assert json.loads(answer.stdout)["input"] == str(tmp_path / "bill.csv.gz")


def test_twenty_sends_of_one_session_at_once_make_one_run(stack: LocalStack) -> None:
    session_id = new_session_id()

    def send(_: int) -> subprocess.CompletedProcess[str]:
        return errand("send", "--session-id", session_id, environ=stack.environ)

    with ThreadPoolExecutor(20) as pool:
        sent = list(pool.map(send, range(20)))
    watched = errand("watch", session_id, environ=stack.environ)

    assert {(each.returncode, each.stdout) for each in sent} == {(0, f"{session_id}\n")}
    assert watched.returncode == 0
    happened = kinds(shown(stack, session_id))
    assert [happened.count(kind) for kind in ("ExecutionStarted", "LeaseClaimed")] == [1, 1]
    assert happened.count("ExecutionSucceeded") == 1


def test_killing_the_worker_that_show_names_costs_only_time(stack: LocalStack) -> None:
    session_id = new_session_id()
    stack.send({"session_id": session_id, "prompt": "analyse"})
    wait_for(stack, session_id, Status.BUSY)
    # So that the run is still in the middle when the command has been started and has answered.
    os.kill(stack.state.processes["agent"].pid, signal.SIGSTOP)

    pid = shown(stack, session_id)["worker"]["pid"]
    os.kill(pid, signal.SIGKILL)
    watched = errand("watch", session_id, environ=stack.environ)

    assert watched.returncode == 0
    assert "attempt 2 began" in watched.stdout
    history = shown(stack, session_id)
    assert history["status"] == "COMPLETED"
    assert history["worker"] is None
    assert kinds(history).count("ModelCalled") == history["usage"]["model_calls"]


def test_a_bill_that_is_not_there_fails_the_run_with_its_name(stack: LocalStack) -> None:
    answer = errand("run", "--input", "/no/such/bill.csv", environ=stack.environ)

    assert answer.returncode == 1
    assert "✗ FAILED" in answer.stdout
    assert "BillNotFoundError: bill '/no/such/bill.csv' does not exist" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "nope"), "WORKFLOW: is 'nope', expected one of: cost-analysis"),
        (("run", "--session-id", "short"), "--session-id: has 5 characters, expected 33"),
        (("send", "--prompt", ""), "--prompt: is empty"),
        (("run", "--max-attempts", "many"), "--max-attempts"),
        (("show", "0000nosuch"), "no run '0000nosuch' in the local stack"),
        (("watch", "ab"), "the beginning of one has 4 characters"),
        (("list", "--region", "eu-west-1"), "name it with --stack"),
        (("list", "--journal", "sqlite:/no/such.db"), "there is no journal /no/such.db"),
    ],
)
def test_what_was_typed_wrong_is_refused_by_its_name(
    stack: LocalStack, arguments: tuple[str, ...], message: str
) -> None:
    answer = errand(*arguments, environ=stack.environ)

    assert answer.returncode == 2
    assert message in " ".join(answer.stderr.split())
    assert answer.stdout == ""


def test_a_finished_run_has_a_result_and_nothing_to_cancel(stack: LocalStack) -> None:
    session_id = errand("run", "--detach", environ=stack.environ).stdout.strip()
    watched = errand("watch", session_id, "--json", environ=stack.environ)

    result = errand("result", session_id, environ=stack.environ)
    cancelled = errand("cancel", session_id, environ=stack.environ)

    lines = [json.loads(line) for line in watched.stdout.splitlines()]
    assert lines[-1]["run"]["status"] == "COMPLETED"
    assert result.returncode == 0
    assert Path(result.stdout.splitlines()[-1].removeprefix("report.md: ")).is_file()
    assert cancelled.returncode == 1
    assert "had ended before: COMPLETED" in cancelled.stderr


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_in_a_terminal_a_run_is_shown_alive_and_its_report_last(
    stack: LocalStack, columns: int
) -> None:
    with in_terminal("run", environ=stack.environ, columns=columns) as terminal:
        code = terminal.end()

    assert code == 0
    # Drawn while it went on, and the cursor given back.
    assert "BUSY" in terminal.text
    assert "tool calls" in terminal.text
    assert terminal.raw.rindex("\x1b[?25h") > terminal.raw.rindex("\x1b[?25l")
    last = terminal.text.replace("\r", "").rstrip("\n").splitlines()[-1]
    assert Path(last.removeprefix("report.md: ")).is_file()


@pytest.mark.usefixtures("finished")
def test_a_reader_that_goes_away_is_no_trouble(stack: LocalStack) -> None:
    with subprocess.Popen(  # noqa: S603 - this interpreter
        [*ERRAND, "show", "last"],
        env=stack.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()

    assert said == ""


def test_doctor_finds_a_stack_that_is_up_in_order(stack: LocalStack) -> None:
    answer = errand("doctor", "--json", environ=stack.environ)

    found = json.loads(answer.stdout)
    verdicts = {check["name"]: check["verdict"] for check in found["checks"]}
    assert (answer.returncode, found["is_fine"]) == (0, True)
    assert {verdicts[name] for name in ("stack", "agent", "journal", "requests")} == {"fine"}


def test_up_finds_the_stack_that_is_up(stack: LocalStack) -> None:
    answer = errand("up", "--json", environ=stack.environ)

    found = json.loads(answer.stdout)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert found["agent_url"] == stack.state.agent_url
    assert found["pids"]["supervisor"] == stack.state.supervisor.pid


def test_a_stack_is_found_by_its_name_as_on_aws(stack: LocalStack) -> None:
    # The SDK's own variables lead it to the emulator, which speaks CloudFormation.
    environ = {
        **stack.environ,
        "ERRAND_HOME": "/no/home",
        "AWS_ENDPOINT_URL": stack.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }
    name = stack.state.stack_name or ""

    ran = errand("run", "--stack", name, "--json", environ=environ)
    unknown = errand("list", "--stack", "nope", environ=environ)
    local_file = errand("run", "--stack", name, "--input", "./bill.csv", environ=environ)

    assert ran.returncode == 0
    assert json.loads(ran.stdout)["status"] == "COMPLETED"
    assert unknown.returncode == 4
    assert "stack 'nope' on AWS could not be asked" in unknown.stderr
    assert local_file.returncode == 2
    assert "which the agent on AWS can't read" in local_file.stderr
