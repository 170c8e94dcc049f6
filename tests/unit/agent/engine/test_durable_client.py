"""The durable SDK's service client keeps the rules of the Lambda service, on our journal."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python import lambda_service as sdk
from aws_durable_execution_sdk_python.config import Duration
from aws_durable_execution_sdk_python.execution import DurableExecutionInvocationInput
from aws_durable_execution_sdk_python.identifier import OperationIdentifier

from agent.attempt import Attempt, StopReason
from agent.durable.client import JournalClient
from agent.durable.timers import waiting
from agent.outcomes import Ended, Suspended, read_output
from agent.registry import Registry
from runs.callbacks import place_of
from runs.errors import JournalUnavailableError
from runs.events import EventType
from runs.journal.base import Changes
from runs.operations import Operation, OperationStatus
from tests.support.engine import NOON, Engine, StillClock


def identify(
    name: str, kind: sdk.OperationType = sdk.OperationType.STEP, *, parent: str | None = None
) -> OperationIdentifier:
    return OperationIdentifier(
        operation_id=name, sub_type="Step", parent_id=parent, name=name, operation_type=kind
    )


def started(name: str) -> sdk.OperationUpdate:
    return sdk.OperationUpdate.create_step_start(identify(name))


def succeeded(name: str, payload: str = "1") -> sdk.OperationUpdate:
    return sdk.OperationUpdate.create_step_succeed(identify(name), payload)


def failed(name: str) -> sdk.OperationUpdate:
    return sdk.OperationUpdate.create_step_fail(identify(name), sdk.ErrorObject.from_message("no"))


def tried(name: str, payload: str | None, *, delay: int) -> sdk.OperationUpdate:
    return sdk.OperationUpdate.create_wait_for_condition_retry(identify(name), payload, delay)


def waits(name: str, seconds: int, *, parent: str | None = None) -> sdk.OperationUpdate:
    identifier = identify(name, sdk.OperationType.WAIT, parent=parent)
    return sdk.OperationUpdate.create_wait_start(identifier, sdk.WaitOptions(seconds))


def asks(name: str, seconds: int) -> sdk.OperationUpdate:
    identifier = identify(name, sdk.OperationType.CALLBACK)
    return sdk.OperationUpdate.create_callback(identifier, sdk.CallbackOptions(seconds))


def send(client: JournalClient, *updates: sdk.OperationUpdate) -> sdk.CheckpointOutput:
    return client.checkpoint(
        durable_execution_arn="", checkpoint_token="", updates=list(updates), client_token=None
    )


def kept(engine: Engine) -> dict[str, Operation]:
    return {operation.operation_id: operation for operation in engine.journal.operations("run-1")}


def opened(attempt: Attempt) -> JournalClient:
    client = JournalClient(attempt)
    client.open()
    return client


def test_a_step_is_one_commit_of_one_operation_and_two_events(still_engine: Engine) -> None:
    commits: list[Changes] = []
    attempt = still_engine.attempt()
    commit = attempt.commit
    attempt.commit = lambda changes: (commits.append(changes), commit(changes))[1]  # type: ignore[method-assign,func-returns-value]

    answer = send(opened(attempt), started("a"), succeeded("a", '"done"'))

    (changes,) = commits
    assert [event.type for event in changes.events] == [
        EventType.STEP_STARTED,
        EventType.STEP_SUCCEEDED,
    ]
    assert changes.is_advance
    assert kept(still_engine)["a"].payload == '"done"'
    assert [operation.status for operation in answer.new_execution_state.operations] == [
        sdk.OperationStatus.SUCCEEDED
    ]


def test_a_step_that_only_started_is_no_advance(still_engine: Engine) -> None:
    send(opened(still_engine.attempt()), started("a"))

    operation = kept(still_engine)["a"]
    assert (operation.status, operation.attempt) == (OperationStatus.STARTED, 0)


def test_tries_are_counted_when_they_end(still_engine: Engine) -> None:
    client = opened(still_engine.attempt())

    send(client, started("a"), tried("a", None, delay=1), started("a"), failed("a"))

    assert kept(still_engine)["a"].attempt == 2


def test_a_retry_is_pending_until_its_time_and_then_ready(
    still_engine: Engine, clock: StillClock
) -> None:
    client = opened(still_engine.attempt())
    send(client, started("a"), tried("a", "7", delay=10))

    early = send(client)
    clock.advance(10)
    late = send(client)

    assert early.new_execution_state.operations == []
    (ready,) = late.new_execution_state.operations
    assert ready.status is sdk.OperationStatus.READY
    assert ready.step_details is not None
    assert (ready.step_details.attempt, ready.step_details.result) == (1, "7")


def test_a_step_that_is_tried_again_keeps_its_state(still_engine: Engine) -> None:
    client = opened(still_engine.attempt())

    send(client, started("a"), tried("a", "7", delay=1), started("a"))

    operation = kept(still_engine)["a"]
    assert (operation.status, operation.payload) == (OperationStatus.STARTED, "7")


def test_a_wait_whose_time_came_has_succeeded_when_state_is_loaded(
    still_engine: Engine, clock: StillClock
) -> None:
    attempt = still_engine.attempt()
    send(opened(attempt), waits("w", 5))
    clock.advance(5)

    given = JournalClient(attempt).open()

    statuses = {
        found.operation_id: found.status for found in given.initial_execution_state.operations
    }
    assert statuses["w"] is sdk.OperationStatus.SUCCEEDED
    assert given.updated_operation_ids == ["w"]
    assert still_engine.event_types()[-1] is EventType.WAIT_SUCCEEDED


def test_a_callback_nobody_answered_has_timed_out(still_engine: Engine, clock: StillClock) -> None:
    attempt = still_engine.attempt()
    send(opened(attempt), asks("c", 60))
    clock.advance(60)

    client = opened(attempt)

    assert client.operations["c"].status is OperationStatus.TIMED_OUT
    assert still_engine.event_types()[-1] is EventType.CALLBACK_TIMED_OUT


def test_a_callback_id_names_its_run(still_engine: Engine) -> None:
    answer = send(opened(still_engine.attempt()), asks("c", 0))

    (callback,) = answer.new_execution_state.operations
    assert callback.callback_details is not None
    assert place_of(callback.callback_details.callback_id) == ("run-1", "c")
    assert kept(still_engine)["c"].due_at is None


def test_an_invoke_of_what_is_no_workflow_fails_at_once(still_engine: Engine) -> None:
    identifier = identify("i", sdk.OperationType.CHAINED_INVOKE)
    update = sdk.OperationUpdate.create_invoke_start(
        identifier, "{}", sdk.ChainedInvokeOptions("other")
    )

    send(opened(still_engine.attempt()), update)

    error = kept(still_engine)["i"].error
    assert error is not None
    assert error.type == "ResourceNotFoundException"


def test_an_update_the_service_does_not_know_is_refused(still_engine: Engine) -> None:
    update = sdk.OperationUpdate("w", sdk.OperationType.WAIT, sdk.OperationAction.RETRY)

    with pytest.raises(ValueError, match="WAIT, which has no action RETRY"):
        send(opened(still_engine.attempt()), update)


@pytest.mark.parametrize("again", [started, succeeded, failed])
def test_a_step_that_has_ended_takes_no_update(
    still_engine: Engine, again: Callable[[str], sdk.OperationUpdate]
) -> None:
    client = opened(still_engine.attempt())
    send(client, started("a"), succeeded("a", '"first"'))

    with pytest.raises(ValueError, match="'a' is SUCCEEDED, which takes no action"):
        send(client, again("a"))

    assert kept(still_engine)["a"].payload == '"first"'


def test_more_updates_than_a_commit_holds_are_recorded_in_order(still_engine: Engine) -> None:
    updates = [update for n in range(120) for update in (started(f"s{n}"), succeeded(f"s{n}"))]

    send(opened(still_engine.attempt()), *updates)

    assert list(kept(still_engine)) == [f"s{n}" for n in range(120)]
    assert (
        still_engine.event_types()[2:]
        == [
            EventType.STEP_STARTED,
            EventType.STEP_SUCCEEDED,
        ]
        * 120
    )


def test_what_is_recorded_when_the_journal_fails_is_a_prefix(still_engine: Engine) -> None:
    attempt = still_engine.attempt()
    client = opened(attempt)
    commit = attempt.commit
    left = [1]

    def commit_some(changes: Changes) -> None:
        if not left.pop() if left else True:
            raise JournalUnavailableError
        commit(changes)

    attempt.commit = commit_some  # type: ignore[method-assign]
    updates = [update for n in range(120) for update in (started(f"s{n}"), succeeded(f"s{n}"))]

    answer = send(client, *updates)

    recorded = kept(still_engine)
    assert answer.checkpoint_token is None
    assert list(recorded) == [f"s{n}" for n in range(len(recorded))]
    assert 0 < len(recorded) < 120


def test_state_of_thousands_of_operations_comes_in_pages(still_engine: Engine) -> None:
    attempt = still_engine.attempt()
    updates = [update for n in range(2_500) for update in (started(f"s{n}"), succeeded(f"s{n}"))]
    send(opened(attempt), *updates)

    given = JournalClient(attempt).open()
    read = list(given.initial_execution_state.operations)
    marker: str | None = given.initial_execution_state.next_marker
    while marker:
        page = given.service_client.get_execution_state(
            durable_execution_arn="", checkpoint_token="", next_marker=marker
        )
        read.extend(page.operations)
        marker = page.next_marker

    ids = [operation.operation_id for operation in read]
    assert ids == ["run-1", *(f"s{n}" for n in range(2_500))]


def test_the_last_segment_of_the_arn_is_the_execution_operation(still_engine: Engine) -> None:
    given = JournalClient(still_engine.attempt(prompt="why")).open()

    execution = given.initial_execution_state.operations[0]
    assert given.durable_execution_arn.rpartition("/")[2] == execution.operation_id
    assert execution.execution_details is not None
    assert '"prompt": "why"' in (execution.execution_details.input_payload or "")


def test_a_stopping_attempt_records_what_was_done_and_leaves(still_engine: Engine) -> None:
    attempt = still_engine.attempt()
    client = opened(attempt)
    attempt.request_stop(StopReason.SHUTDOWN, "shutdown")

    answer = send(client, started("a"), succeeded("a"), started("b"), failed("b"))

    assert answer.checkpoint_token is None
    assert list(kept(still_engine)) == ["a"]


def test_a_worker_that_lost_its_lease_gets_no_token_and_records_nothing(
    still_engine: Engine, clock: StillClock
) -> None:
    attempt = still_engine.attempt()
    client = opened(attempt)
    clock.advance(7)
    still_engine.journal.claim("run-1", owner="other", token="other", now=clock(), lease_seconds=6)

    answer = send(client, started("a"), succeeded("a"))

    assert answer.checkpoint_token is None
    assert attempt.stop_reason is StopReason.LEASE_LOST
    assert kept(still_engine) == {}


def test_a_result_too_large_to_answer_is_kept_for_the_runner(still_engine: Engine) -> None:
    client = opened(still_engine.attempt())

    answer = send(client, sdk.OperationUpdate.create_execution_succeed('"big"'))

    assert client.outcome is not None
    assert client.outcome.payload == '"big"'
    assert answer.checkpoint_token is None
    assert kept(still_engine) == {}


def test_a_timer_that_ended_while_the_workflow_suspended_is_gone_on_with_at_once(
    still_engine: Engine, clock: StillClock
) -> None:
    client = opened(still_engine.attempt())
    send(client, waits("short", 1), waits("long", 3_600))
    clock.advance(1)
    send(client)

    outcome = read_output({"Status": "PENDING"}, client)

    assert isinstance(outcome, Suspended)
    assert outcome.is_over


def test_a_workflow_that_suspends_for_nothing_fails(still_engine: Engine) -> None:
    client = opened(still_engine.attempt())
    send(client, started("a"), succeeded("a"))

    outcome = read_output({"Status": "PENDING"}, client)

    assert isinstance(outcome, Ended)
    assert outcome.ending.error is not None
    assert outcome.ending.error.type == "NothingToWaitFor"


def test_the_nearest_timer_is_what_a_run_waits_for(still_engine: Engine) -> None:
    client = opened(still_engine.attempt())
    send(client, waits("long", 60), waits("short", 5), asks("c", 0))

    found = waiting(client.operations)

    assert found is not None
    assert (found.until, found.what) == (NOON + timedelta(seconds=5), "wait short")


def test_nobody_waits_for_branches_that_a_map_left_behind(still_engine: Engine) -> None:
    client = opened(still_engine.attempt())
    over = identify("map", sdk.OperationType.CONTEXT)
    updates: Sequence[sdk.OperationUpdate] = (
        sdk.OperationUpdate.create_context_start(over),
        waits("left", 5, parent="map"),
        sdk.OperationUpdate.create_context_succeed(over, "[]"),
    )

    send(client, *updates)

    assert waiting(client.operations) is None


def test_an_answer_that_came_while_the_run_was_parked_is_named_once(
    still: Engine, clock: StillClock
) -> None:
    told: list[tuple[int, list[str]]] = []

    @durable_execution
    def work(event: dict[str, str], context: DurableContext) -> str:
        answer = context.create_callback(name="ask").result()
        context.wait(Duration.from_seconds(60), name="pause")
        return str(answer)

    def handler(given: DurableExecutionInvocationInput, context: object) -> object:
        told.append((len(told), list(given.updated_operation_ids)))
        return work(given, context)  # type: ignore[arg-type]

    still.registry = Registry({"asks-and-waits": handler})  # type: ignore[dict-item]
    still.execute("asks-and-waits")
    (callback,) = still.journal.operations("run-1")
    still.journal.complete_callback(callback.callback_id or "", "yes", now=clock())
    still.look()
    clock.advance(60)
    still.look()

    (_, pause) = still.journal.operations("run-1")
    assert still.head().result == "yes"
    assert told == [(0, []), (1, [callback.operation_id]), (2, [pause.operation_id])]


def test_a_timer_that_ended_while_the_workflow_suspended_is_named_to_the_next_invocation(
    still_engine: Engine, clock: StillClock
) -> None:
    attempt = still_engine.attempt()
    client = opened(attempt)
    send(client, waits("short", 1), waits("long", 3_600))
    clock.advance(1)
    read_output({"Status": "PENDING"}, client)

    given = JournalClient(attempt).open()

    assert given.updated_operation_ids == ["short"]
    assert JournalClient(attempt).open().updated_operation_ids == []


def test_an_answer_to_a_worker_that_died_since_is_named_to_the_next_one(
    still_engine: Engine, clock: StillClock
) -> None:
    client = opened(still_engine.attempt())
    (asked,) = send(client, asks("c", 0)).new_execution_state.operations
    assert asked.callback_details is not None
    still_engine.journal.complete_callback(asked.callback_details.callback_id, "1", now=clock())
    # It has seen the answer, and died.
    send(client)
    clock.advance(7)

    given = JournalClient(still_engine.claim("next")).open()

    assert given.updated_operation_ids == ["c"]
