"""The agent process over HTTP, killed and told to end like any other."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runs.run import Pause, Status
from tests.support.agent_server import AgentServer
from tests.support.engine import wait_until
from tests.support.workflows import noted

UUID = "0b8f8f3e-5f2c-4b52-8f0e-0f7f6f1c9d21"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AgentServer]:
    with AgentServer(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def idle_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentServer]:
    """A server for requests that start nothing."""
    with AgentServer(tmp_path_factory.mktemp("idle")) as running:
        yield running


def test_a_run_makes_the_process_busy_until_it_ends(server: AgentServer) -> None:
    payload = {"prompt": "3 300", "workflow": "steps", "input": str(server.notes)}

    status, answer = server.invoke(payload, session=UUID)
    while_it_runs = server.ping()
    run = server.wait_for_end(UUID)
    wait_until(lambda: server.ping() == "Healthy")

    assert (status, answer["status"], answer["session_id"]) == (200, "STARTED", UUID)
    assert int(answer["task_id"]) != 0
    assert isinstance(answer["task_id"], str)
    assert while_it_runs == "HealthyBusy"
    assert (run.status, run.result, run.source) == (Status.COMPLETED, [0, 1, 2], "agentcore")


def test_a_killed_worker_is_replaced_and_no_finished_step_is_repeated(tmp_path: Path) -> None:
    with AgentServer(tmp_path) as first:
        first.start("killed", "steps", "6 300")
        wait_until(lambda: "begin 3" in noted(first.notes))
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
    head = first.head("killed")
    assert head is not None
    assert head.status is Status.BUSY

    with AgentServer(tmp_path) as second:
        run = second.wait_for_end("killed")

    lines = noted(second.notes)
    assert (run.status, run.result, run.attempt) == (Status.COMPLETED, list(range(6)), 2)
    assert [lines.count(f"end {number}") for number in range(6)] == [1] * 6
    assert lines.count("begin 3") == 2


def test_a_step_done_at_most_once_is_not_entered_again_after_a_kill(tmp_path: Path) -> None:
    with AgentServer(tmp_path) as first:
        first.start("once", "once", "60")
        wait_until(lambda: noted(first.notes))
        first.process.kill()
        first.process.wait()

    with AgentServer(tmp_path) as second:
        run = second.wait_for_end("once")

    # The interrupted try counts as one that failed; the step's retry strategy allows another.
    assert (run.status, run.result) == (Status.COMPLETED, "try 2")
    assert noted(second.notes) == ["try 1 of attempt 1", "try 2 of attempt 2"]


def test_a_process_that_is_told_to_end_hands_its_runs_back(tmp_path: Path) -> None:
    with AgentServer(tmp_path, {"ERRAND_LEASE_SECONDS": "60"}) as first:
        first.start("handed", "steps", "8 200")
        wait_until(lambda: "begin 2" in noted(first.notes))
        first.process.terminate()
        first.process.wait(10)
    head = first.head("handed")
    assert head is not None
    assert (head.status, head.lease) == (Status.QUEUED, None)

    with AgentServer(tmp_path) as second:
        run = second.wait_for_end("handed")

    assert run.status is Status.COMPLETED
    assert sorted(noted(second.notes)) == sorted({*noted(second.notes)})


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_told_to_end_does_not_wait_for_code_that_hangs(
    tmp_path: Path, told: signal.Signals
) -> None:
    with AgentServer(tmp_path, {"ERRAND_LEASE_SECONDS": "60"}) as server:
        server.start("hung", "hangs", "60")
        wait_until(lambda: noted(server.notes))
        server.process.send_signal(told)
        server.process.wait(10)

    head = server.head("hung")
    assert head is not None
    assert head.status is Status.QUEUED


def test_a_cancellation_ends_the_run_and_frees_the_process(server: AgentServer) -> None:
    server.start("unwanted", "minds", "60")
    wait_until(lambda: noted(server.notes))

    _, answer = server.invoke({"action": "cancel", "session_id": "unwanted", "reason": "no need"})
    run = server.wait_for_end("unwanted")
    wait_until(lambda: server.ping() == "Healthy")

    assert answer == {"status": "CANCELLING", "session_id": "unwanted"}
    assert run.status is Status.CANCELLED
    assert run.error is not None
    assert run.error.message == "no need"


def test_a_cancellation_of_a_session_that_is_not_here_says_so(idle_server: AgentServer) -> None:
    assert idle_server.invoke({"action": "cancel", "session_id": "elsewhere"}) == (
        200,
        {"status": "IDLE", "session_id": "elsewhere"},
    )


def test_a_pause_of_a_session_that_is_not_here_says_so(idle_server: AgentServer) -> None:
    assert idle_server.invoke({"action": "pause", "session_id": "elsewhere"}) == (
        200,
        {"status": "IDLE", "session_id": "elsewhere"},
    )


def test_a_paused_run_is_left_when_its_step_is_done_and_taken_up_when_it_is_resumed(
    server: AgentServer,
) -> None:
    """Nobody asks the worker: it learns of both from its journal."""
    server.start("steered", "steps", "8 400")
    wait_until(lambda: "begin 1" in noted(server.notes))
    with server.journal() as journal:
        now = datetime.now(UTC)
        journal.pause("steered", Pause(by="ada", at=now), now=now)
        wait_until(lambda: (run := journal.get("steered")) and run.status is Status.WAITING)
        left = noted(server.notes)
        journal.resume("steered", now=datetime.now(UTC), by="ada")
    run = server.wait_for_end("steered")

    # The step that was begun was finished, and those after it were not begun.
    assert left[-1].startswith("end")
    assert "begin 7" not in left
    assert (run.status, run.attempt) == (Status.COMPLETED, 2)
    lines = noted(server.notes)
    assert [lines.count(f"begin {number}") for number in range(8)] == [1] * 8


def test_a_run_past_its_deadline_is_timed_out(server: AgentServer) -> None:
    server.start("slow", "minds", "60", deadline_seconds=1)

    assert server.wait_for_end("slow").status is Status.TIMED_OUT


def test_a_stalled_run_does_not_keep_the_process_busy(tmp_path: Path) -> None:
    with AgentServer(tmp_path, {"ERRAND_STALL_AFTER": "1"}) as server:
        server.start("stalled", "hangs", "60")
        wait_until(lambda: server.ping() == "HealthyBusy")
        wait_until(lambda: server.ping() == "Healthy")


def test_a_parked_run_costs_nothing_until_its_time_has_come(tmp_path: Path) -> None:
    with AgentServer(tmp_path, {"ERRAND_PARK_AFTER": "0"}) as server:
        server.start("parked", "waits", "2")
        wait_until(lambda: (run := server.head("parked")) and run.status is Status.WAITING)
        wait_until(lambda: server.ping() == "Healthy")
        run = server.wait_for_end("parked")

    assert (run.status, run.attempt) == (Status.COMPLETED, 2)
    assert noted(server.notes) == ["before", "after"]


def test_a_session_that_runs_here_is_not_started_twice(server: AgentServer) -> None:
    server.start(UUID, "minds", "2")

    _, again = server.invoke({"action": "start"}, session=UUID)
    server.wait_for_end(UUID)
    wait_until(lambda: server.ping() == "Healthy")
    _, later = server.invoke({"prompt": "2", "workflow": "minds"}, session=UUID)

    assert again == {"status": "BUSY", "session_id": UUID}
    assert later["status"] == "DUPLICATE"
    assert noted(server.notes) == ["attempt 1"]


def test_of_two_processes_one_gets_the_run(tmp_path: Path) -> None:
    with AgentServer(tmp_path) as one, AgentServer(tmp_path) as other:
        payload = {"prompt": "5 50", "workflow": "steps", "input": str(one.notes)}
        answers = [server.invoke(payload, session=UUID)[1] for server in (one, other)]
        run = one.wait_for_end(UUID)

    assert [answer["status"] for answer in answers] == ["STARTED", "STARTED"]
    assert (run.status, run.attempt) == (Status.COMPLETED, 1)
    assert len(noted(one.notes)) == 10


def test_the_process_says_what_it_works_on(server: AgentServer) -> None:
    _, before = server.invoke({"action": "status"})
    server.start("one", "minds", "60")
    wait_until(lambda: noted(server.notes))
    _, while_it_runs = server.invoke({"action": "status"})

    assert before == {"status": "IDLE", "runs": []}
    (job,) = while_it_runs["runs"]
    assert (job["session_id"], job["workflow"], job["attempt"]) == ("one", "minds", 1)


@pytest.mark.parametrize(
    ("payload", "field", "message"),
    [
        ([1], "payload", "expected an object"),
        (None, "payload", "expected an object"),
        ({"workflow": "steps"}, "prompt", "is missing"),
        ({"prompt": "x", "workflow": "gone"}, "workflow", "expected one of: asks,"),
        (
            {"prompt": "x", "workflow": "steps", "session_id": "a" * 300},
            "session_id",
            "has 300 characters",
        ),
        ({"prompt": "x" * 10_000_000, "workflow": "steps"}, "prompt", "has 10,000,000 characters"),
        (b"[" * 100_000, "payload", "can't be read"),
        (b'{"prompt": "x", "deadline_seconds": ' + b"9" * 5_000 + b"}", "payload", "can't be read"),
    ],
)
def test_bad_payloads_are_refused_with_the_field(
    idle_server: AgentServer, payload: object, field: str, message: str
) -> None:
    status, answer = idle_server.invoke(payload)

    assert (status, answer["status"], answer["field"]) == (400, "REJECTED", field)
    assert message in answer["error"]
    assert idle_server.ping() == "Healthy"


def test_what_is_no_json_is_refused(idle_server: AgentServer) -> None:
    status, answer = idle_server.invoke(b"not json")

    assert (status, answer["error"]) == (400, "Invalid JSON")


def test_debug_actions_need_the_debug_setting(tmp_path: Path, idle_server: AgentServer) -> None:
    debugged = tmp_path / "debugged"
    debugged.mkdir()
    action = {"_agent_core_app_action": "job_status"}

    refused, _ = idle_server.invoke(action)
    with AgentServer(debugged, {"ERRAND_DEBUG": "1"}) as other:
        answered = other.invoke(action)

    assert refused == 400
    assert answered == (200, {"active_count": 0, "running_jobs": []})


def test_log_lines_carry_the_request_and_the_run(server: AgentServer) -> None:
    server.start("logged", "steps", "1")
    server.wait_for_end("logged")

    text = server.log.read_text(encoding="utf-8")
    assert '"message": "lease claimed"' in text
    assert '"session_id": "logged"' in text
    assert '"requestId": "' in text


def test_a_prompts_run_is_in_the_trace_of_who_sent_it(server: AgentServer) -> None:
    sent_from = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"
    payload = {"prompt": "1", "workflow": "steps", "input": str(server.notes)}

    _, answer = server.invoke(payload, traceparent=sent_from)

    assert server.wait_for_end(answer["session_id"]).trace == sent_from
