"""`marketing-post` under the real runner, with a real UniTok: what is approved is published."""

import inspect
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.models.conversation import Conversation, ToolCall, Turn
from agent.workflows import marketing_post
from agent.workflows.marketing import playbook
from agent.workflows.marketing.rulings import MAX_ASKED
from agent.workflows.marketing.unitok import SETTING
from runs.approvals import Verdict
from runs.asked import Approval
from runs.json_types import Json
from runs.run import Run, Status
from tests.support.agents import SESSION_ID
from tests.support.marketing import PUBLIC, RunningUniTok, running_unitok
from tests.support.plant import Plant

WORKFLOW = inspect.unwrap(marketing_post.handler)
DAY = 86_400


@pytest.fixture
def unitok(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningUniTok]:
    with running_unitok(tmp_path / "unitok.db") as running:
        monkeypatch.setenv(SETTING, running.url)
        yield running


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


def run(plant: Plant) -> Run:
    return plant.run(WORKFLOW, prompt="Tell of our new pink unicorns.")


def asked(plant: Plant) -> Approval:
    run(plant)
    return plant.open_approvals()[-1]


def result(run: Run) -> dict[str, Any]:
    assert isinstance(run.result, dict), run.error
    return run.result


def calls(monkeypatch: pytest.MonkeyPatch, *turns: ToolCall) -> None:
    """Have the agent make these calls, one in each turn, and then tell what came of them."""

    def play(conversation: Conversation) -> Turn:
        if conversation.turn < len(turns):
            return Turn(calls=[turns[conversation.turn]])
        return Turn("; ".join(each.text for each in conversation.answers))

    monkeypatch.setattr(playbook, "post", play)


def publish(content: str, **more: Json) -> ToolCall:
    return ToolCall("publish_post", {"content": content, **more})


def ask(content: str) -> ToolCall:
    return ToolCall("human_approval", {"content": content})


def test_an_approved_post_is_published_days_later_by_another_process(
    plant: Plant, unitok: RunningUniTok
) -> None:
    approval = asked(plant)
    parked = plant.head()
    plant.clock.advance(5 * DAY)
    plant.decide(approval)

    ended = run(plant)

    assert parked.status is Status.WAITING
    assert approval.question.what == ("publish this post on UniTok, by Unicorn Rentals, in rainbow")
    assert approval.question.tool == "human_approval"
    assert ended.status is Status.COMPLETED
    assert unitok.contents == [approval.question.content]
    assert "Tell of our new pink unicorns." in approval.question.content
    assert result(ended)["status"] == "published"
    (post,) = result(ended)["posts"]
    assert (post["post_id"], post["url"]) == ("1", f"{PUBLIC}/posts/1")
    assert unitok.posts[0].key is not None
    assert unitok.posts[0].key.startswith(f"{SESSION_ID}/")
    assert ended.usage.model_calls == 3


def test_one_decision_is_enough(plant: Plant, unitok: RunningUniTok) -> None:
    plant.decide(asked(plant))
    run(plant)

    assert len(plant.journal.approvals(SESSION_ID)) == 1
    assert len(unitok.posts) == 1


def test_an_edited_post_is_published_as_it_was_edited(plant: Plant, unitok: RunningUniTok) -> None:
    words = 'Ours are <b>best</b> & "pinkest" \u202e\u0645\u0631\u062d 🦄\n\n' + "é" * 50_000
    plant.decide(asked(plant), content=words)

    ended = run(plant)

    assert ended.status is Status.COMPLETED
    assert unitok.contents == [words]


def test_a_denial_s_comment_is_in_the_next_draft(plant: Plant, unitok: RunningUniTok) -> None:
    first = asked(plant)
    plant.decide(first, Verdict.DENIED, comment="Say what they cost.")
    second = asked(plant)
    plant.decide(second)

    ended = run(plant)

    assert "Say what they cost." in second.question.content
    assert unitok.contents == [second.question.content]
    assert result(ended)["status"] == "published"


def test_after_some_denials_nobody_is_asked_again(plant: Plant, unitok: RunningUniTok) -> None:
    for number in range(MAX_ASKED):
        plant.decide(asked(plant), Verdict.DENIED, comment=f"No, number {number}.")

    ended = run(plant)

    assert ended.status is Status.COMPLETED
    assert len(plant.journal.approvals(SESSION_ID)) == MAX_ASKED
    assert result(ended)["status"] == "denied"
    assert f"people were asked {MAX_ASKED} times" in result(ended)["said"]
    assert unitok.posts == []


def test_a_question_that_nobody_answers_ends_the_run_before_its_deadline(
    plant: Plant, unitok: RunningUniTok
) -> None:
    approval = asked(plant)
    plant.clock.advance(8 * DAY)

    ended = run(plant)

    assert approval.expires_at is not None
    assert approval.expires_at < ended.deadline_at
    assert ended.status is Status.COMPLETED
    assert result(ended)["status"] == "expired"
    assert "nobody answered" in result(ended)["said"]
    assert unitok.posts == []


def test_a_run_with_a_day_leaves_its_agent_time_to_hear_that_nobody_answered(
    plant: Plant, unitok: RunningUniTok
) -> None:
    begun = plant.clock()
    plant.run(WORKFLOW, prompt="Soon.", deadline_at=begun + timedelta(days=1))
    (approval,) = plant.open_approvals()

    assert approval.expires_at is not None
    left = plant.head().deadline_at - approval.expires_at
    assert left.total_seconds() == pytest.approx(3600, abs=60)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (publish("Something else"), "nobody approved it"),
        (publish("Hello", author="Mallory"), "another author"),
        (publish("Hello", unicorn_color="pink"), "another colour"),
        (publish("Hello", image_url="https://x.test/a.png"), "a picture"),
        (publish("Hello "), "a space"),
    ],
)
def test_a_post_that_nobody_approved_as_it_is_is_asked_about(
    plant: Plant,
    unitok: RunningUniTok,
    monkeypatch: pytest.MonkeyPatch,
    second: ToolCall,
    why: str,
) -> None:
    calls(monkeypatch, ask("Hello"), second)
    plant.decide(asked(plant))

    parked = run(plant)

    assert parked.status is Status.WAITING, why
    (gate,) = plant.open_approvals()
    assert (gate.question.tool, gate.arguments) == ("publish_post", second.input)
    assert unitok.posts == []


def test_publishing_without_asking_first_takes_one_decision_too(
    plant: Plant, unitok: RunningUniTok, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls(monkeypatch, publish("Hello", unicorn_color="pink"))
    plant.decide(asked(plant), content="Hello!")

    ended = run(plant)

    assert ended.status is Status.COMPLETED
    (post,) = unitok.posts
    assert (post.post.content, post.post.unicorn_color) == ("Hello!", "pink")
    assert len(plant.journal.approvals(SESSION_ID)) == 1


def test_a_post_that_was_edited_can_not_be_published_as_it_was(
    plant: Plant, unitok: RunningUniTok, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls(monkeypatch, ask("Free unicorns"), publish("Free unicorns"), publish("Unicorns"))
    plant.decide(asked(plant), content="Unicorns")

    ended = run(plant)

    assert "publish exactly what they made of it: Unicorns" in result(ended)["said"]
    assert unitok.contents == ["Unicorns"]


def test_a_denied_post_can_not_be_published_or_asked_about_again(
    plant: Plant, unitok: RunningUniTok, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls(monkeypatch, ask("Hello"), publish("Hello"), ask("Hello"))
    plant.decide(asked(plant), Verdict.DENIED, comment="Never.")

    ended = run(plant)

    assert result(ended)["said"].count("this post was denied by ada: Never.") == 2
    assert len(plant.journal.approvals(SESSION_ID)) == 1
    assert unitok.posts == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            publish("Hello", unicorn_color="red"),
            "unicorn_color is 'red', expected one of: pink, blue, purple, green, yellow, rainbow",
        ),
        (publish(""), "content is empty, expected a text"),
        (publish("Hello", image_url="ftp://x"), "image_url is 'ftp://x', expected an http or"),
        (ToolCall("publish_post", {}), "content is missing, expected a text"),
        (ask("  "), "content is empty, expected a text"),
    ],
)
def test_a_call_that_can_not_be_is_told_to_the_model_and_asked_of_nobody(
    plant: Plant,
    unitok: RunningUniTok,
    monkeypatch: pytest.MonkeyPatch,
    call: ToolCall,
    message: str,
) -> None:
    calls(monkeypatch, call)

    ended = run(plant)

    assert message in result(ended)["said"]
    assert result(ended)["status"] == "not asked"
    assert plant.journal.approvals(SESSION_ID) == []
    assert unitok.posts == []


def test_the_same_approved_post_is_published_once_however_often_it_is_called(
    plant: Plant, unitok: RunningUniTok, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = [publish("Hello"), publish("Hello", author="Unicorn Rentals"), publish("Hello")]
    calls(monkeypatch, ask("Hello"), *again)
    plant.decide(asked(plant))

    ended = run(plant)

    assert unitok.contents == ["Hello"]
    assert [post["post_id"] for post in result(ended)["posts"]] == ["1"]


def test_an_approved_post_that_unitok_does_not_take_fails_the_run(
    plant: Plant, unitok: RunningUniTok, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = asked(plant)
    plant.decide(approval)
    # Nobody listens on port 9: it is the discard service's.
    monkeypatch.setenv(SETTING, "http://127.0.0.1:9")

    ended = run(plant)

    assert ended.status is Status.FAILED
    assert ended.error is not None
    assert ended.error.type == "NotPublishedError"
    assert "the post was approved, but is not published" in ended.error.message
    assert "UniTok at http://127.0.0.1:9 did not answer" in ended.error.message


@pytest.mark.parametrize("given", [None, "", "unitok", "file:///etc"])
def test_without_unitok_s_address_a_run_says_what_is_missing(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    if given is not None:
        monkeypatch.setenv(SETTING, given)

    ended = run(plant)

    assert ended.status is Status.FAILED
    assert ended.error is not None
    found = f"is {given!r}" if given else "is not set"
    assert ended.error.message.startswith(f"UNITOK_API_URL {found}, expected UniTok's address")
