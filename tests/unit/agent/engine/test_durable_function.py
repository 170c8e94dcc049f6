"""A Lambda durable function: what the service hears, and what the journal has, whatever happens."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import Duration
from aws_durable_execution_sdk_python.lambda_service import OperationType as SdkType

from agent.errors import NotDurableError
from agent.lambda_home import invoke, load
from agent.services import attempt_of
from runs.again import Retry
from runs.budget import Budget
from runs.errors import ClaimLostError, RetryRefusedError
from runs.events import EventType
from runs.ids import new_lease_token
from runs.journal.base import Claim
from runs.operations import OperationStatus
from runs.run import RunFailure, Status
from runs.telemetry.scope import Scope, current_scope, within
from runs.telemetry.traces import Trace
from tests.support.durable_service import ARN, SESSION_ID, WORKFLOW, Context, Lambda

Work = Callable[[DurableContext], Any]


@pytest.fixture
def make(tmp_path: Path) -> Callable[[Work], Lambda]:
    def lambda_of(work: Work) -> Lambda:
        @durable_execution
        def handler(event: dict[str, Any], context: DurableContext) -> Any:  # noqa: ANN401 - JSON
            return {"event": event, "did": work(context)}

        return Lambda(tmp_path, handler)

    return lambda_of


def step(context: DurableContext) -> Any:  # noqa: ANN401 - JSON
    return context.step(lambda _: "done", name="step")


def claim(place: Lambda, *, execution: str | None = ARN) -> Claim:
    return place.journal.claim(
        SESSION_ID,
        owner="another",
        token=new_lease_token(),
        now=place.clock(),
        lease_seconds=15,
        execution=execution,
    )


def kinds(place: Lambda) -> list[EventType]:
    return [recorded.event.type for recorded in place.journal.events(SESSION_ID)]


def test_a_run_is_what_its_execution_is(make: Callable[[Work], Lambda]) -> None:
    place = make(step)

    answer = place.invoke(input="bill.csv")

    run = place.head()
    assert answer["Status"] == "SUCCEEDED"
    assert run.status is Status.COMPLETED
    assert run.result == json.loads(answer["Result"])
    assert (run.source, run.execution, run.durable_execution) == ("lambda", ARN, ARN)
    # The payload named no session; the workflow is given one, as everywhere.
    assert run.result == {
        "event": {
            "session_id": SESSION_ID,
            "workflow": WORKFLOW,
            "prompt": "do",
            "input": "bill.csv",
        },
        "did": "done",
    }


def test_readers_see_the_operations_of_the_service(make: Callable[[Work], Lambda]) -> None:
    place = make(step)

    place.invoke()

    (operation,) = place.journal.operations(SESSION_ID)
    assert (operation.name, operation.status) == ("step", OperationStatus.SUCCEEDED)
    assert operation.payload == '"done"'
    assert kinds(place) == [
        EventType.EXECUTION_STARTED,
        EventType.LEASE_CLAIMED,
        EventType.STEP_STARTED,
        EventType.STEP_SUCCEEDED,
        EventType.INVOCATION_COMPLETED,
        EventType.EXECUTION_SUCCEEDED,
    ]


def test_what_a_dead_invocation_did_not_copy_is_copied_by_the_next(
    make: Callable[[Work], Lambda],
) -> None:
    place = make(step)
    place.invoke()
    there = dict(place.service.operations)
    later = make(step)
    later.service.operations = there

    later.invoke()

    assert [it.name for it in later.journal.operations(SESSION_ID)] == ["step"]
    assert EventType.STEP_SUCCEEDED in kinds(later)
    assert later.service.updates == []


def test_an_ended_run_is_answered_again_as_it_ended(make: Callable[[Work], Lambda]) -> None:
    place = make(step)
    first = place.invoke()
    place.service.operations.clear()

    again = place.invoke()

    assert again == first
    assert place.head().attempt == 1


def test_a_workflow_that_fails_fails_its_execution(make: Callable[[Work], Lambda]) -> None:
    def fail(_: DurableContext) -> None:
        message = "no bill"
        raise ValueError(message)

    place = make(fail)

    first, again = place.invoke(), place.invoke()

    assert (first["Status"], again["Status"]) == ("FAILED", "FAILED")
    assert again["Error"]["ErrorMessage"] == first["Error"]["ErrorMessage"] == "no bill"
    assert place.head().error == RunFailure(type="ValueError", message="no bill")


def test_a_waiting_execution_parks_its_run(make: Callable[[Work], Lambda]) -> None:
    place = make(lambda context: context.wait(Duration.from_minutes(5), name="pause"))

    answer = place.invoke()

    run = place.head()
    assert answer["Status"] == "PENDING"
    assert (run.status, run.waiting_for) == (Status.WAITING, "wait pause")
    assert run.wake_at is not None
    assert place.service.waits() == []


def test_nobody_but_the_execution_takes_up_its_run(make: Callable[[Work], Lambda]) -> None:
    place = make(lambda context: context.wait(Duration.from_seconds(1), name="pause"))
    place.invoke()
    place.clock.advance(60)

    assert not place.head().is_due(place.clock())
    with pytest.raises(ClaimLostError, match=f"it is executed by {ARN}"):
        claim(place, execution=None)
    assert claim(place).run.attempt == 2


def test_the_lease_of_a_dead_invocation_is_waited_for_by_the_service(
    make: Callable[[Work], Lambda],
) -> None:
    place = make(step)
    place.accept()
    claim(place)
    place.clock.advance(4)

    waiting = place.invoke()
    place.clock.advance(12)
    done = place.invoke()

    assert waiting["Status"] == "PENDING"
    assert place.service.waits() == [11]
    assert done["Status"] == "SUCCEEDED"
    assert place.head().attempt == 2


def test_an_invocation_that_lost_its_lease_records_nothing(make: Callable[[Work], Lambda]) -> None:
    taken: list[Claim] = []

    def lose(context: DurableContext) -> None:
        def steal(_: object) -> str:
            place.clock.advance(16)
            taken.append(claim(place))
            return "stale"

        context.step(steal, name="step")

    place = make(lose)

    answer = place.invoke()

    assert answer["Status"] == "PENDING"
    assert place.head().lease == taken[0].lease
    assert place.journal.operations(SESSION_ID) == []
    # Whoever has the lease may need it as long as it lasts.
    assert place.service.waits() == [15]


def test_an_invocation_stops_before_its_time_is_up_and_is_invoked_again(
    make: Callable[[Work], Lambda],
) -> None:
    finished: list[bool] = []

    def work_long(context: DurableContext) -> Any:  # noqa: ANN401 - JSON
        attempt = attempt_of(context)

        def long(_: object) -> str:
            if not finished:
                assert attempt.stop.wait(30)
                attempt.leave_if_stopped()
            return "done"

        return context.step(long, name="long")

    place = make(work_long)

    first = place.invoke(seconds=0.5)
    handed_back = place.head()
    finished.append(True)
    second = place.invoke()

    assert first["Status"] == "PENDING"
    assert place.service.waits() == [1]
    assert handed_back.status is Status.QUEUED
    assert second["Status"] == "SUCCEEDED"
    assert place.head().lost_attempts == 0
    assert [it.name for it in place.journal.operations(SESSION_ID)] == ["long"]
    assert EventType.STEP_FAILED not in kinds(place)


def test_a_cancelled_run_fails_its_execution(make: Callable[[Work], Lambda]) -> None:
    place = make(lambda context: context.wait(Duration.from_minutes(5), name="pause"))
    place.invoke()
    place.journal.cancel(SESSION_ID, now=place.clock(), reason="too dear")

    answer = place.invoke()

    assert answer["Status"] == "FAILED"
    assert answer["Error"] == {"ErrorType": "Cancelled", "ErrorMessage": "too dear"}


def test_a_run_past_its_deadline_fails_its_execution(make: Callable[[Work], Lambda]) -> None:
    place = make(lambda context: context.wait(Duration.from_minutes(5), name="pause"))
    place.invoke(deadline_seconds=60)
    place.clock.advance(300)

    answer = place.invoke(deadline_seconds=60)

    assert answer["Error"]["ErrorType"] == "DeadlineExceeded"
    assert place.head().status is Status.TIMED_OUT


def test_an_execution_whose_invocations_all_die_is_given_up(
    make: Callable[[Work], Lambda],
) -> None:
    place = make(step)
    place.accept(max_attempts=2)
    for _ in range(2):
        claim(place)
        place.clock.advance(16)

    answer = place.invoke()

    assert answer["Error"]["ErrorType"] == "AttemptsExhausted"


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (None, "payload: is null, expected an object"),
        ("no JSON", "payload: can't be read"),
        ('{"workflow": "work"}', "prompt: is missing"),
        ('{"workflow": "other", "prompt": "do"}', "workflow: is 'other', expected one of: work"),
    ],
)
def test_a_payload_that_asks_for_nothing_fails_at_once(
    make: Callable[[Work], Lambda], payload: str | None, message: str
) -> None:
    answer = make(step).invoke_with(payload)

    assert answer["Status"] == "FAILED"
    assert answer["Error"]["ErrorType"] == "InvalidRequestError"
    assert answer["Error"]["ErrorMessage"].startswith(message)


@pytest.mark.parametrize("event", [{"prompt": "do"}, [], None, {"DurableExecutionArn": "arn"}])
def test_a_function_that_is_no_durable_one_says_so(
    make: Callable[[Work], Lambda], event: object
) -> None:
    with pytest.raises(NotDurableError, match="it must be created with a DurableConfig"):
        make(step).function.invoke(event, Context())


def test_a_session_that_had_its_run_takes_no_other_execution(
    make: Callable[[Work], Lambda],
) -> None:
    place = make(step)
    place.accept(execution="arn:of:another")

    answer = place.invoke()

    assert answer["Error"]["ErrorType"] == "OtherExecutionError"
    assert "had its run before, by arn:of:another" in answer["Error"]["ErrorMessage"]


def test_a_journal_that_does_not_answer_is_tried_later(
    make: Callable[[Work], Lambda], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make(step)
    monkeypatch.setattr("agent.durable_function.patiently", lambda call, **_: call())
    place.journal.is_down = True

    answer = place.invoke()
    place.journal.is_down = False
    again = place.invoke()

    assert answer["Status"] == "PENDING"
    assert place.service.waits() == [30]
    assert again["Status"] == "SUCCEEDED"


def test_an_invocation_that_another_has_overtaken_says_only_that_it_waits(
    make: Callable[[Work], Lambda],
) -> None:
    place = make(step)
    place.accept()
    claim(place)
    place.service.is_stale = True

    answer = place.invoke()

    assert answer["Status"] == "PENDING"
    assert place.head().lease is not None


def test_an_ending_too_large_to_be_answered_is_settled_before_the_service_has_it(
    make: Callable[[Work], Lambda],
) -> None:
    place = make(lambda _: "x" * 7_000_000)
    statuses: list[Status] = []
    place.service.before = lambda updates: statuses.extend(
        place.head().status for it in updates if it.operation_type is SdkType.EXECUTION
    )

    answer = place.invoke()

    assert answer == {"Status": "SUCCEEDED", "Result": ""}
    assert statuses == [Status.COMPLETED]
    result: Any = place.head().result
    assert len(result["did"]) == 7_000_000


def test_an_execution_that_failed_is_not_retried_by_workers(
    make: Callable[[Work], Lambda],
) -> None:
    def fail(_: DurableContext) -> None:
        message = "no bill"
        raise ValueError(message)

    place = make(fail)
    place.invoke()

    with pytest.raises(RetryRefusedError, match="it is a Lambda durable execution"):
        place.journal.retry(SESSION_ID, Retry(by="Ada"), now=place.clock())


@pytest.mark.parametrize("variable", ["ERRAND_JOURNAL", "ERRAND_ARTIFACTS"])
def test_a_function_that_lacks_a_setting_fails_each_execution_and_names_it(
    tmp_path: Path, variable: str
) -> None:
    environment = {
        "ERRAND_JOURNAL": f"sqlite:{tmp_path / 'journal.db'}",
        "ERRAND_ARTIFACTS": str(tmp_path),
    }
    del environment[variable]

    answer = invoke(load(environment), {}, Context())

    assert answer["Status"] == "FAILED"
    assert answer["Error"]["ErrorType"] == "ConfigError"
    assert answer["Error"]["ErrorMessage"].startswith(f"{variable} is not set, expected ")


def test_a_run_asked_for_without_limits_gets_the_function_s(tmp_path: Path) -> None:
    def work(_event: object, context: DurableContext) -> None:
        for number in range(3):
            context.step(lambda _: place.clock.advance(20), name=f"step {number}")

    place = Lambda(tmp_path, durable_execution(work), budget=Budget(max_seconds=30))

    answer = place.invoke()

    assert answer["Error"]["ErrorType"] == "BudgetExceeded"
    assert place.head().budget == Budget(max_seconds=30)
    done = [operation.name for operation in place.journal.operations(SESSION_ID)]
    assert done == ["step 0", "step 1"]


def test_a_journal_that_goes_away_when_a_step_is_to_begin_fails_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @durable_execution
    def handler(_event: object, context: DurableContext) -> Any:  # noqa: ANN401 - JSON
        place.journal.is_forgetful = place.head().attempt == 1
        return step(context)

    monkeypatch.setattr("agent.attempt.patiently", lambda call, **_: call())
    place = Lambda(tmp_path, handler, budget=Budget(max_seconds=30))

    answer = place.invoke()
    again = place.invoke()

    assert answer["Status"] == "PENDING"
    assert kinds(place).count(EventType.STEP_STARTED) == 1
    assert again["Status"] == "SUCCEEDED"


def test_all_invocations_of_an_execution_are_in_the_trace_of_the_first(
    make: Callable[[Work], Lambda],
) -> None:
    first = Trace(trace_id="5759e988bd862e3fe1be46a994272793", span_id="53995c3f42cd8ad8")
    second = Trace(trace_id="6759e988bd862e3fe1be46a994272793", span_id="63995c3f42cd8ad8")
    seen: list[Scope] = []

    def work(context: DurableContext) -> str:
        seen.append(current_scope())
        context.wait(Duration.from_seconds(60))
        return "done"

    place = make(work)
    for trace in (first, second):
        with within(Scope(trace=trace)):
            place.invoke()

    assert [(each.session_id, each.attempt) for each in seen] == [(SESSION_ID, 1), (SESSION_ID, 2)]
    assert [each.trace and each.trace.trace_id for each in seen] == [first.trace_id] * 2
