"""What a run's timeline says was paid for, paid for again, and saved by replay."""

from dataclasses import replace

from runs.events import Event, EventType
from runs.json_types import Json
from runs.receipt import Receipt, Resumed, receipt, usage_of_call
from runs.run import Usage
from tests.support.journals import a_run, an_event, later

#: What each call below uses.
CALL = Usage(model_calls=1, input_tokens=10, output_tokens=2, cost_nano_usd=1_500_000)


class Timeline:
    """Events, recorded one after the other by the attempt that works."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.attempt = 0

    def claim(self, at: float = 0) -> None:
        self.attempt += 1
        self.add(EventType.LEASE_CLAIMED, at=at)

    def call(self, agent: str = "writer", **details: Json) -> None:
        used: dict[str, Json] = {"InputTokens": 10, "OutputTokens": 2, "CostUsd": "0.0015"}
        self.add(EventType.MODEL_CALLED, name=agent, details=used | details)

    def step(self, name: str, *, begins: float, ends: float) -> None:
        self.add(EventType.STEP_STARTED, operation_id=name, name=name, at=begins)
        self.add(EventType.STEP_SUCCEEDED, operation_id=name, name=name, at=ends)

    def add(
        self,
        kind: EventType,
        *,
        name: str | None = None,
        operation_id: str | None = None,
        details: dict[str, Json] | None = None,
        at: float = 0,
    ) -> None:
        event = an_event(
            kind,
            at=later(at),
            name=name,
            operation_id=operation_id,
            details=details or {},
            attempt=self.attempt,
        )
        self.events.append(event)

    def receipt(self) -> Receipt:
        return receipt(a_run(), self.events)


def test_a_call_is_read_as_it_was_counted() -> None:
    timeline = Timeline()
    timeline.call(CacheReadTokens=3, CacheWriteTokens=4)
    timeline.call(CostUsd=None)

    first, second = map(usage_of_call, timeline.events)

    assert first == replace(CALL, cache_read_tokens=3, cache_write_tokens=4)
    assert second == replace(CALL, cost_nano_usd=0, unpriced_calls=1)


def test_a_run_of_one_attempt_repeats_and_saves_nothing() -> None:
    timeline = Timeline()
    timeline.claim()
    timeline.step("load", begins=0, ends=30)
    timeline.call()

    assert timeline.receipt().repeated == Usage()
    assert timeline.receipt().resumptions == ()


def test_what_was_paid_is_that_of_the_head_and_of_its_children_apart() -> None:
    run = a_run(usage=CALL, children_usage=CALL + CALL)

    assert (receipt(run, ()).paid, receipt(run, ()).children) == (CALL, CALL + CALL)


def test_a_later_attempt_saves_the_calls_and_steps_it_found_finished() -> None:
    timeline = Timeline()
    timeline.claim()
    timeline.step("load", begins=0, ends=30)
    timeline.add(EventType.STEP_STARTED, operation_id="write", name="writer", at=30)
    timeline.call()
    timeline.call()
    timeline.claim(at=100)
    timeline.call()

    found = timeline.receipt()

    (resumption,) = found.resumptions
    assert (resumption.attempt, resumption.after) == (2, Resumed.LOST)
    assert found.saved == resumption.usage == CALL + CALL
    assert (found.saved_steps, found.saved_seconds) == (1, 30)


def test_an_attempt_that_got_no_further_saved_nothing() -> None:
    """A plain retry that died as early would have paid nothing again either."""
    timeline = Timeline()
    timeline.claim()
    timeline.call()
    for _ in range(3):
        timeline.claim()
        timeline.add(EventType.INVOCATION_COMPLETED)
    timeline.claim()
    timeline.add(EventType.EXECUTION_SUCCEEDED)

    found = timeline.receipt()

    assert [each.attempt for each in found.resumptions] == [5]
    assert found.saved == CALL


def test_each_attempt_saves_once_however_often_it_replays() -> None:
    timeline = Timeline()
    timeline.claim()
    timeline.call()
    timeline.add(EventType.RUN_PARKED)
    timeline.claim()
    for _ in range(3):
        timeline.call()
        timeline.add(EventType.INVOCATION_COMPLETED)
    timeline.add(EventType.LEASE_RELEASED)
    timeline.claim()
    timeline.call()

    found = timeline.receipt()

    assert [each.after for each in found.resumptions] == [Resumed.PARKED, Resumed.RELEASED]
    assert [each.usage.model_calls for each in found.resumptions] == [1, 4]


def test_a_call_begun_by_a_worker_that_died_is_repeated() -> None:
    timeline = Timeline()
    timeline.claim()
    timeline.call()
    timeline.claim()
    timeline.call(Resumed=True)

    assert timeline.receipt().repeated == CALL


def test_a_call_after_an_orderly_end_is_not_repeated() -> None:
    for kind, name in (
        (EventType.MODEL_FAILED, "writer"),
        # A turn that ended with a question.
        (EventType.STEP_SUCCEEDED, "writer"),
        (EventType.STEP_FAILED, "writer"),
        (EventType.STEP_FAILED, "writer-2"),
    ):
        timeline = Timeline()
        timeline.claim()
        timeline.call()
        timeline.add(kind, name=name, operation_id="write")
        timeline.claim()
        timeline.call(Resumed=True)

        assert timeline.receipt().repeated == Usage()


def test_an_answer_that_was_thrown_away_is_paid_for_twice_and_saves_nothing() -> None:
    timeline = Timeline()
    timeline.claim()
    timeline.call(Discarded=True)
    timeline.claim()
    timeline.call()

    assert timeline.receipt().repeated == CALL
    assert timeline.receipt().saved == Usage()


def test_the_time_nobody_worked_is_no_part_of_a_saved_step() -> None:
    timeline = Timeline()
    timeline.claim()
    timeline.add(EventType.STEP_STARTED, operation_id="load", at=0)
    timeline.claim(at=1_000)
    timeline.add(EventType.STEP_SUCCEEDED, operation_id="load", at=1_020)
    timeline.claim(at=2_000)
    timeline.call()

    assert timeline.receipt().saved_seconds == 20


def test_a_poll_that_found_nothing_is_no_finished_step() -> None:
    timeline = Timeline()
    timeline.claim()
    retry: Json = {"CurrentAttempt": 1, "NextAttemptDelaySeconds": 5}
    timeline.add(EventType.STEP_STARTED, operation_id="poll")
    timeline.add(EventType.STEP_SUCCEEDED, operation_id="poll", details={"RetryDetails": retry})
    timeline.claim()
    timeline.call()

    assert timeline.receipt().saved_steps == 0


def test_what_a_retry_dropped_is_not_saved_by_the_attempts_after_it() -> None:
    timeline = Timeline()
    timeline.claim()
    for agent, step in (("reader", "read"), ("writer", "write")):
        timeline.step(step, begins=0, ends=10)
        timeline.call(agent)
    dropped: dict[str, Json] = {"DroppedSteps": ["write"], "ForgottenAgents": ["writer"]}
    timeline.add(EventType.RUN_RETRIED, details=dropped)
    timeline.claim()
    timeline.call("writer")

    found = timeline.receipt()

    assert [each.after for each in found.resumptions] == [Resumed.RETRIED]
    assert (found.saved, found.saved_steps) == (CALL, 1)
