"""The task queue: what each message does, however often and in whatever order it comes."""

import inspect
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agent.workflows import marketing_post
from agent.workflows.marketing.unitok import SETTING
from invoker.delivery import ORIGINAL_ID
from runs.approvals import Verdict
from runs.asked import Approval
from runs.errors import JournalUnavailableError, UnwatchedRunError
from runs.ids import session_id_for
from runs.json_types import Json
from runs.run import Run, Status
from tests.support.agents import SESSION_ID, KilledError
from tests.support.marketing import RunningUniTok, running_unitok
from tests.support.queueing import MESSAGE, PATIENCE, Counter, existing, new

WORKFLOW = inspect.unwrap(marketing_post.handler)


@pytest.fixture
def counter(tmp_path: Path) -> Counter:
    return Counter(tmp_path)


@pytest.fixture
def unitok(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningUniTok]:
    with running_unitok(tmp_path / "unitok.db") as running:
        monkeypatch.setenv(SETTING, running.url)
        yield running


def work(counter: Counter) -> Run:
    return counter.plant.run(WORKFLOW, prompt="Tell of pink unicorns.")


def asked(counter: Counter) -> Approval:
    work(counter)
    return counter.plant.open_approvals()[-1]


def answer(approval: Approval, text: str, **more: Any) -> dict[str, Json]:  # noqa: ANN401 - parts
    return existing(SESSION_ID, str(approval.question.tool_use_id), text, **more)


def test_a_new_message_starts_the_state_machine_as_an_event_does(counter: Counter) -> None:
    failed = counter.deliver(counter.record(new()))

    assert failed == []
    assert counter.starter.started == {
        MESSAGE: {
            "session_id": MESSAGE,
            "detail": {
                "workflow": "marketing-post",
                "deadline_seconds": 691_200,
                "prompt": "Tell of pink unicorns.",
            },
            "source": "queue",
        }
    }


def test_a_new_message_may_say_more_of_its_run(counter: Counter) -> None:
    more: dict[str, Json] = {"workflow": "research-report", "input": "corpus", "max_tokens": 9}
    counter.deliver(counter.record(new() | {"idempotency_key": "spring"} | more))

    ((session_id, started),) = counter.starter.started.items()
    assert session_id == session_id_for("spring")
    assert isinstance(started, dict)
    assert isinstance(started["detail"], dict)
    assert started["detail"].items() >= more.items()


def test_the_same_key_in_two_messages_is_one_run(counter: Counter) -> None:
    body: Json = {"type": "new", "body": {"task": "Once.", "idempotency_key": "spring"}}
    first = counter.record(new("Once.", idempotency_key="spring"))
    second = counter.record(body, message_id=MESSAGE[::-1])

    assert counter.deliver(first, second, first) == []
    assert len(counter.starter.started) == 1


def test_a_message_that_is_sent_again_is_the_same_run(counter: Counter) -> None:
    again = {ORIGINAL_ID: {"stringValue": MESSAGE, "dataType": "String"}}
    first = counter.record(new())
    second = counter.record(new(), message_id=MESSAGE[::-1], attributes=again)

    counter.deliver(first, second)

    assert list(counter.starter.started) == [MESSAGE]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{", "message: is no JSON: "),
        ("[]", "message: is an array, expected an object"),
        ("[" * 100_000, "message: is no JSON: "),
        ({}, "type: is missing, expected 'new' or 'existing'"),
        ({"type": "old"}, "type: is 'old', expected 'new' or 'existing'"),
        ({"type": "new"}, "body: is null, expected an object"),
        ({"type": "new", "body": {}}, "body.task: is missing, expected a string"),
        ({"type": "new", "body": {"task": 1}}, "body.task: is a number, expected a string"),
        (new(workflow="mining"), "workflow: is 'mining', expected one of: "),
        (new(input=3), "input: is a number, expected a string"),
        ({"type": "existing"}, "body: is null, expected an array of 1 to 50 objects"),
        (existing("x", "t", "a"), "session_id: has 1 characters, expected 33 to 256"),
        (existing(SESSION_ID, "", "a"), "body[0].toolResult.toolUseId: has 0 characters"),
        (
            existing(SESSION_ID, "t", "a", status="maybe"),
            "body[0].toolResult.status: is 'maybe', expected 'success' or 'error'",
        ),
        (
            {**existing(SESSION_ID, "t", "a"), "body": [{}]},
            "body[0].toolResult: is null, expected an object",
        ),
        (
            {**existing(SESSION_ID, "t", "a"), "toolName": None},
            "toolName: is null, expected a string",
        ),
    ],
)
def test_a_message_that_is_none_is_a_dead_letter_with_the_reason(
    counter: Counter, body: Json, reason: str
) -> None:
    record = counter.record(body)

    failed = counter.deliver(record)

    assert failed == []
    (dead,) = counter.queues.dead
    assert counter.queues.reasons[0].startswith(reason)
    assert dead["MessageBody"] == record["body"]
    assert dead["MessageAttributes"]["original_message_id"]["StringValue"] == MESSAGE
    assert counter.starter.started == {}


def test_a_bad_message_leaves_the_others_of_its_batch_alone(counter: Counter) -> None:
    counter.starter.errors = [JournalUnavailableError("throttled")]
    waits = counter.record(new(), message_id="a" * 36)
    bad, fine = counter.record("{", message_id="b" * 36), counter.record(new())

    failed = counter.deliver(waits, bad, fine)

    assert failed == ["a" * 36]
    assert len(counter.queues.dead) == 1
    assert list(counter.starter.started) == [MESSAGE]


def test_a_dead_letter_that_can_not_be_sent_stays_in_the_queue(counter: Counter) -> None:
    counter.queues.errors = [OSError("no route")]

    assert counter.deliver(counter.record("{")) == [MESSAGE]
    assert counter.deliver(counter.record("{")) == []
    assert len(counter.queues.dead) == 1


def test_a_state_machine_that_refuses_is_a_reason(counter: Counter) -> None:
    counter.starter.errors = [UnwatchedRunError(MESSAGE, "no such machine")]

    counter.deliver(counter.record(new()))

    assert "no such machine" in counter.queues.reasons[0]


def test_without_time_left_a_message_is_not_begun(counter: Counter) -> None:
    counter.seconds_left = 5

    assert counter.deliver(counter.record(new())) == [MESSAGE]
    assert counter.starter.started == {}


def test_success_approves_and_the_post_is_published(
    counter: Counter, unitok: RunningUniTok
) -> None:
    approval = asked(counter)

    failed = counter.deliver(counter.record(answer(approval, "Fine.")))
    ended = work(counter)

    assert failed == []
    assert ended.status is Status.COMPLETED
    assert unitok.contents == [approval.question.content]
    (decided,) = counter.plant.journal.approvals(SESSION_ID)
    assert [(vote.verdict, vote.comment, vote.by) for vote in decided.votes] == [
        (Verdict.APPROVED, "Fine.", "queue")
    ]
    assert decided.votes[0].origin == f"message {MESSAGE}"


def test_an_error_denies_with_its_text(counter: Counter, unitok: RunningUniTok) -> None:
    approval = asked(counter)
    counter.deliver(counter.record(answer(approval, "Say what they cost.", status="error")))

    second = asked(counter)

    assert "Say what they cost." in second.question.content
    assert unitok.posts == []


def test_the_text_may_be_a_decision_with_other_words(
    counter: Counter, unitok: RunningUniTok
) -> None:
    decision = {"decision": "approved", "content": "Unicorns!", "by": "ada"}
    counter.deliver(counter.record(answer(asked(counter), json.dumps(decision))))

    work(counter)

    assert unitok.contents == ["Unicorns!"]
    (decided,) = counter.plant.journal.approvals(SESSION_ID)
    assert decided.decided_by == "ada"


def test_a_denial_that_says_error_stays_one_whatever_its_text(
    counter: Counter, unitok: RunningUniTok
) -> None:
    counter.deliver(
        counter.record(answer(asked(counter), '{"decision": "approved"}', status="error"))
    )

    (decided,) = counter.plant.journal.approvals(SESSION_ID)
    assert decided.votes[0].verdict is Verdict.DENIED


def test_an_answer_before_its_run_is_kept_ever_longer(counter: Counter) -> None:
    early = existing(SESSION_ID, "marketer-1-0", "Fine.")
    first = counter.deliver(counter.record(early))
    later = [counter.deliver(counter.record(early, count=count)) for count in (2, 5, 40)]

    assert first == [MESSAGE]
    assert later == [[MESSAGE]] * 3
    assert counter.queues.pauses == [2, 4, 32, 300]
    assert counter.queues.dead == []


def test_an_answer_before_its_question_is_taken_when_the_question_is_there(
    counter: Counter, unitok: RunningUniTok
) -> None:
    work(counter)
    record = counter.record(existing(SESSION_ID, "marketer-3-0", "Fine."))
    early = counter.deliver(record)
    counter.plant.decide(counter.plant.open_approvals()[0], Verdict.DENIED, comment="No.")
    second = asked(counter)

    late = counter.deliver(record)
    work(counter)

    assert (early, late) == ([MESSAGE], [])
    assert unitok.contents == [second.question.content]


def test_an_answer_to_a_question_that_never_comes_is_a_dead_letter(
    counter: Counter, unitok: RunningUniTok
) -> None:
    work(counter)
    record = counter.record(existing(SESSION_ID, "marketer-99-0", "Fine."))
    kept = counter.deliver(record)
    counter.plant.clock.advance(PATIENCE.total_seconds() + 1)

    assert (kept, counter.deliver(record)) == ([MESSAGE], [])
    assert counter.queues.reasons == [
        f"human_approval asks nothing under 'marketer-99-0' in run '{SESSION_ID}'; "
        "waited for 1800 s"
    ]


def test_an_answer_to_a_run_that_has_ended_is_not_kept(
    counter: Counter, unitok: RunningUniTok
) -> None:
    counter.plant.decide(asked(counter))
    work(counter)

    counter.deliver(counter.record(existing(SESSION_ID, "marketer-99-0", "Fine.")))

    assert counter.queues.reasons[0].endswith("which is COMPLETED")


def test_the_first_of_two_answers_counts_and_the_other_is_reported(
    counter: Counter, unitok: RunningUniTok
) -> None:
    approval = asked(counter)
    yes = counter.record(answer(approval, "Fine."))
    no = counter.record(answer(approval, "Never.", status="error"), message_id="b" * 36)

    assert counter.deliver(yes, no, yes, no) == []
    work(counter)

    assert unitok.contents == [approval.question.content]
    assert len(counter.queues.dead) == 2
    assert counter.queues.reasons[0].startswith(
        f"this answer, denied, came too late: approval {approval.approval_id} was approved by queue"
    )


def test_an_answer_of_another_tool_is_a_dead_letter(
    counter: Counter, unitok: RunningUniTok
) -> None:
    approval = asked(counter)

    counter.deliver(counter.record(answer(approval, "Fine.", tool="publish_post")))

    use = approval.question.tool_use_id
    assert counter.queues.reasons == [
        f"toolName is 'publish_post', but call {use!r} is of 'human_approval'"
    ]
    assert counter.plant.open_approvals() == [approval]


@pytest.mark.parametrize("seed", range(8))
def test_everything_three_times_in_any_order_is_as_once(
    counter: Counter, unitok: RunningUniTok, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311 - no secret
    work(counter)
    messages = [
        counter.record(existing(SESSION_ID, "marketer-1-0", "No.", status="error")),
        counter.record(existing(SESSION_ID, "marketer-3-0", "Fine."), message_id="b" * 36),
        counter.record(new(idempotency_key="again"), message_id="c" * 36),
    ]
    deliveries = messages * 3
    while deliveries:
        chance.shuffle(deliveries)
        batch, deliveries = deliveries[:3], deliveries[3:]
        failed = counter.deliver(*batch)
        deliveries += [each for each in batch if each["messageId"] in failed]
        if not counter.plant.head().status.is_terminal:
            work(counter)

    ended = counter.plant.head()
    drafts = [each.question.content for each in counter.plant.journal.approvals(SESSION_ID)]
    assert ended.status is Status.COMPLETED
    assert unitok.contents == [drafts[1]]
    assert len(drafts) == 2
    assert counter.queues.dead == []
    assert len(counter.starter.started) == 1


class DyingSignal:
    """A signal at which the handler dies, once."""

    def __init__(self) -> None:
        self.sent = 0

    def send(self, wake_token: str) -> None:
        self.sent += 1
        if self.sent == 1:
            raise KilledError(wake_token)


def test_a_handler_that_dies_after_the_answer_is_recorded_wakes_the_run_the_next_time(
    counter: Counter, unitok: RunningUniTok
) -> None:
    counter.plant.run(WORKFLOW, prompt="Tell of pink unicorns.", wake_token="token")
    (approval,) = counter.plant.open_approvals()
    signal = DyingSignal()
    answers = replace(counter.delivery.tasks.answers, signal=signal)
    tasks = replace(counter.delivery.tasks, answers=answers)
    counter.delivery = replace(counter.delivery, tasks=tasks)
    record = counter.record(answer(approval, "Fine."))

    with pytest.raises(KilledError):
        counter.deliver(record)
    again = counter.deliver(record)
    work(counter)

    assert again == []
    assert signal.sent == 2
    assert unitok.contents == [approval.question.content]
