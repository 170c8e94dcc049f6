import json
from collections.abc import Mapping

from runs.asked import ApprovalState
from runs.events import EventType
from runs.run import Status
from statemachine import definition
from tests.integration.chain import scenarios
from tests.support.chain import PACE, Chain, Execution

Ended = Mapping[str, Execution]


def session_of(execution: Execution, chain: Chain) -> str:
    found = chain.steps.describe_execution(executionArn=execution.arn)
    session_id: str = json.loads(found["input"])["session_id"]
    return session_id


def test_every_state_was_visited(ended: Ended) -> None:
    states = json.loads(definition.PATH.read_text())["States"]

    visited = {state for execution in ended.values() for state in execution.visited}

    assert visited == states.keys()


def test_a_run_that_completes_ends_well(ended: Ended, chain: Chain) -> None:
    execution = ended["completed"]
    session_id = session_of(execution, chain)

    assert execution.status == "SUCCEEDED"
    assert execution.output == {"session_id": session_id, "status": "COMPLETED"}
    assert chain.actions[session_id] == ["start", "stop"]


def test_a_signal_ends_the_wait_before_the_time_out(ended: Ended) -> None:
    execution = ended["completed"]

    assert execution.visited.count("AwaitSignal") == 1
    assert execution.visited.count("CheckStatus") == 1


def test_a_lost_signal_is_caught_by_the_time_out(ended: Ended) -> None:
    execution = ended["signal_lost"]

    assert execution.status == "SUCCEEDED"
    assert execution.seconds >= PACE.poll_seconds


def test_a_run_that_fails_fails_with_its_own_error(ended: Ended) -> None:
    execution = ended["failed"]

    assert execution.status == "FAILED"
    assert execution.error == "BillFormatError"
    assert execution.cause == "column 'BilledCost' is missing"


def test_a_duplicate_start_ends_by_itself(ended: Ended, chain: Chain) -> None:
    execution = ended["duplicate"]
    session_id = session_of(execution, chain)

    assert execution.status == "SUCCEEDED"
    assert execution.output == {"session_id": session_id, "status": "DUPLICATE"}
    assert execution.visited[-1] == "Duplicate"
    assert chain.actions[session_id].count("start") == 1


def test_a_bad_request_fails_with_the_field_and_leaves_no_run(ended: Ended, chain: Chain) -> None:
    execution = ended["rejected"]
    session_id = session_of(execution, chain)

    assert execution.error == "InvalidRequest"
    assert execution.cause is not None
    assert execution.cause.startswith("workflow: is 'mine-bitcoin'")
    assert chain.journal.get(session_id) is None
    assert session_id not in chain.actions


def test_an_execution_without_any_input_is_a_bad_request(ended: Ended) -> None:
    execution = ended["without_input"]

    assert execution.error == "InvalidRequest"
    assert execution.cause == "payload: is null, expected an object"


def test_a_run_that_is_not_there_is_waited_for_and_then_given_up(ended: Ended) -> None:
    execution = ended["missing"]

    assert execution.error == "RunNotFound"
    assert execution.visited.count("NotYet") >= 1
    assert execution.seconds >= PACE.grace_seconds


def test_a_head_with_a_status_nobody_knows_is_an_error_at_once(ended: Ended) -> None:
    execution = ended["unreadable"]

    assert execution.error == "CorruptRecord"
    assert execution.visited == ("Begin", "CheckStatus", "Evaluate", "Unreadable")


def test_a_head_that_the_invoker_can_not_read_is_not_handed_over(
    ended: Ended, chain: Chain
) -> None:
    execution = ended["corrupt"]
    session_id = session_of(execution, chain)

    assert execution.error == "CorruptRecord"
    assert execution.visited[-3:] == ("Dispatch", "Outcome", "Unreadable")
    assert session_id not in chain.actions


def test_a_run_whose_worker_died_is_handed_over_again(ended: Ended, chain: Chain) -> None:
    execution = ended["worker_lost"]
    session_id = session_of(execution, chain)

    assert execution.status == "SUCCEEDED"
    assert chain.actions[session_id] == ["start", "resume", "stop"]
    assert chain.wait_for(session_id, Status.COMPLETED).attempt == 2


def test_a_run_whose_workers_all_died_fails_with_the_count(ended: Ended, chain: Chain) -> None:
    execution = ended["workers_lost"]
    session_id = session_of(execution, chain)

    assert execution.error == "AttemptsExhausted"
    assert execution.cause is not None
    assert execution.cause.startswith("2 attempts in a row were lost")
    assert chain.wait_for(session_id, Status.FAILED).attempt == 2


def test_cancelling_a_run_that_is_worked_on_reaches_its_worker(ended: Ended, chain: Chain) -> None:
    execution = ended["cancelled_while_busy"]
    session_id = session_of(execution, chain)

    assert execution.error == "Cancelled"
    assert chain.actions[session_id] == ["start", "cancel", "stop"]
    assert chain.wait_for(session_id, Status.CANCELLED).cancel_reason == "wrong bill"


def test_cancelling_a_parked_run_ends_the_wait(ended: Ended) -> None:
    execution = ended["cancelled_while_waiting"]

    assert execution.error == "Cancelled"
    assert execution.cause == "no longer wanted"
    assert execution.visited.count("AwaitDays") == 1


def test_a_deadline_ends_a_run_that_somebody_works_on(ended: Ended, chain: Chain) -> None:
    execution = ended["deadline_passed"]
    session_id = session_of(execution, chain)

    assert execution.error == "DeadlineExceeded"
    assert execution.cause is not None
    assert execution.cause.startswith("the run did not end by its deadline ")
    assert chain.actions[session_id][-1] == "stop"


def test_a_parked_run_is_resumed_when_its_time_has_come(ended: Ended, chain: Chain) -> None:
    execution = ended["waited"]
    session_id = session_of(execution, chain)

    assert execution.status == "SUCCEEDED"
    assert "AwaitAnswer" in execution.visited
    # Its session is stopped once when it parks, and again when it has ended.
    assert chain.actions[session_id] == ["start", "stop", "resume", "stop"]
    assert execution.visited.count("StopParked") == 1


def test_deciders_are_told_when_it_is_asked_before_it_expires_and_when_it_has(
    ended: Ended, chain: Chain
) -> None:
    execution = ended["asked_and_expired"]
    session_id = session_of(execution, chain)
    wanted = {EventType.APPROVAL_ANNOUNCED, EventType.APPROVAL_REMINDED}

    events = [recorded.event for recorded in chain.journal.events(session_id)]

    assert execution.status == "SUCCEEDED"
    assert [(each.type, each.details.get("Notice")) for each in events if each.type in wanted] == [
        (EventType.APPROVAL_ANNOUNCED, "asked"),
        (EventType.APPROVAL_REMINDED, None),
        (EventType.APPROVAL_ANNOUNCED, "ended"),
    ]
    # None of it starts a worker: there is one when it is asked, and one when it has expired.
    assert chain.actions[session_id] == ["start", "stop", "resume", "stop"]


def test_what_expired_while_all_was_down_is_decided_at_the_next_start_and_told_once(
    ended: Ended, chain: Chain
) -> None:
    execution = ended["expired_while_all_was_down"]
    session_id = session_of(execution, chain)

    events = [recorded.event for recorded in chain.journal.events(session_id)]
    told = [each for each in events if each.type is EventType.APPROVAL_ANNOUNCED]

    assert execution.status == "SUCCEEDED"
    assert chain.journal.approvals(session_id)[0].state is ApprovalState.EXPIRED
    assert [each.details["Notice"] for each in told] == ["asked", "ended"]
    assert not [each for each in events if each.type is EventType.APPROVAL_REMINDED]


def test_what_was_asked_by_a_worker_that_died_at_once_is_told(ended: Ended, chain: Chain) -> None:
    execution = ended["asked_and_died"]
    session_id = session_of(execution, chain)

    (approval,) = chain.journal.approvals(session_id)

    # The write that asks is all there was of it: no word to the state machine, and no parking.
    assert approval.announced_at is not None
    assert execution.visited.count("Notify") >= 1
    assert chain.actions[session_id] == ["start", "resume", "stop"]


def test_an_agent_that_is_down_for_a_while_is_asked_again(ended: Ended, chain: Chain) -> None:
    execution = ended["agent_down"]
    session_id = session_of(execution, chain)

    assert execution.status == "SUCCEEDED"
    assert execution.visited.count("Backoff") == 2
    assert chain.actions[session_id] == ["start", "start", "start", "stop"]


def test_a_run_whose_invoker_broke_off_after_accepting_is_not_left_alone(
    ended: Ended, chain: Chain
) -> None:
    execution = ended["invoker_broken"]
    session_id = session_of(execution, chain)

    assert execution.status == "SUCCEEDED"
    assert execution.visited.count("Accept") == 2
    # If the worker is slow to claim the run it is handed over once more, which changes nothing.
    *starts, last = chain.actions[session_id]
    assert len(starts) >= 2
    assert (set(starts), last) == ({"start"}, "stop")
    assert chain.wait_for(session_id, Status.COMPLETED).attempt == 1


def test_a_request_for_a_run_whose_head_can_not_be_read_is_not_accepted(
    ended: Ended, chain: Chain
) -> None:
    execution = ended["corrupt_before"]

    assert execution.error == "CorruptRecord"
    assert execution.visited == ("Begin", "Accept", "Outcome", "Unreadable")
    assert session_of(execution, chain) not in chain.actions


def test_a_call_that_is_not_allowed_fails_the_run_at_once(ended: Ended, chain: Chain) -> None:
    execution = ended["agent_forbidden"]
    session_id = session_of(execution, chain)

    assert execution.error == "AgentRefused"
    assert execution.cause is not None
    assert "AccessDeniedException" in execution.cause
    assert chain.wait_for(session_id, Status.FAILED).attempt == 0


def test_a_session_that_can_not_be_stopped_changes_nothing(chain: Chain) -> None:
    # A run of its own: what is left on of the others is stopped when a test sweeps.
    execution = scenarios.stop_refused(chain)
    session_id = session_of(execution, chain)

    assert execution.status == "SUCCEEDED"
    assert chain.actions[session_id] == ["start", "stop"]


def test_a_long_execution_is_followed_by_one_that_watches_on(ended: Ended) -> None:
    first, last = ended["handed_over"], ended["handed_over_to_the_end"]

    assert first.status == "SUCCEEDED"
    assert first.output["status"] == "HANDED_OVER"
    assert first.visited[-1] == "HandedOver"
    assert last.output["status"] == "COMPLETED"
    assert last.visited[:2] == ("Begin", "CheckStatus")
