"""Tools behind a gate: what is asked, and what becomes of the call."""

from collections.abc import Mapping
from typing import Any

import pytest
from strands import Agent, tool
from strands.hooks import AfterToolCallEvent, BeforeToolCallEvent

from agent.effects import InterruptedCall, NotTaken, effect
from agent.errors import AgentBuildError
from agent.gate import Gate, Policy
from agent.models.conversation import Conversation, ToolCall, Turn
from agent.place import Build, Finished, Paused, Task
from agent.questions import Answered, Asked
from runs.approvals import Decision, Question, Verdict
from runs.events import EventType
from runs.json_types import Json
from tests.support.agents import (
    Bench,
    DyingJournal,
    KilledError,
    assert_valid,
    built_with,
    task_for,
)

AGENT = "poster"
#: Writes of the turn after the answer: the tool begun and left, what it gave, the last answer.
WRITES = 4


class Board:
    """Where posts are published."""

    def __init__(self) -> None:
        self.posts: list[str] = []

    def tool(self) -> object:
        @tool
        def publish(content: str, color: str = "pink") -> str:
            """Publish.

            Args:
                content: What.
                color: In which color.
            """
            self.posts.append(content)
            return f"published in {color}"

        return publish


def ask(arguments: Mapping[str, Json]) -> Question | None:
    if arguments.get("color") == "blue":
        return None
    return Question(what="publish this post", content=str(arguments["content"]), edits="content")


def task_of(build: Build, policy: Policy = ask) -> Task:
    return task_for(AGENT, build, approve={"publish": policy})


def publishes(*posts: Mapping[str, Json]) -> Any:  # noqa: ANN401 - a playbook
    def playbook(conversation: Conversation) -> Turn:
        if conversation.turn == 0:
            return Turn(calls=[ToolCall("publish", dict(post)) for post in posts])
        return Turn("; ".join(answer.text for answer in conversation.answers))

    return playbook


POST = {"content": "Hello"}


def decided(asked: Asked, verdict: Verdict = Verdict.APPROVED, **more: Any) -> Answered:  # noqa: ANN401 - the decision's fields
    return Answered(asked, Decision(verdict=verdict, by="ada", **more))


def ask_about(bench: Bench, task: Task, *posts: Mapping[str, Json]) -> tuple[Asked, ...]:
    turn = bench.turn(task, publishes(*posts))
    assert isinstance(turn, Paused)
    # As the checkpoint of the turn gives them to a later attempt.
    return tuple(Asked.from_json(asked.to_json()) for asked in turn.asked)


def test_a_call_is_asked_about_before_its_tool_is_entered(bench: Bench) -> None:
    board = Board()

    (asked,) = ask_about(bench, task_of(built_with(board.tool())), POST)

    assert asked.question == Question(
        what="publish this post",
        content="Hello",
        edits="content",
        tool="publish",
        tool_use_id="poster-1-0",
        arguments={"content": "Hello"},
    )
    assert board.posts == []
    assert bench.events(EventType.TOOL_CALLED) == []


def test_an_approved_call_enters_its_tool_once(bench: Bench) -> None:
    board = Board()
    task = task_of(built_with(board.tool()))
    (asked,) = ask_about(bench, task, POST)

    turn = bench.turn(task, publishes(POST), answers=[decided(asked)])

    assert turn == Finished("published in pink")
    assert board.posts == ["Hello"]
    assert_valid(bench.messages(AGENT))


def test_a_call_the_policy_lets_pass_is_made_at_once(bench: Bench) -> None:
    board = Board()
    post = {"content": "Hello", "color": "blue"}

    assert bench.converse(task_of(built_with(board.tool())), publishes(post)) == "published in blue"
    assert board.posts == ["Hello"]


def test_a_denied_call_is_not_made_and_the_model_is_told_why(bench: Bench) -> None:
    board = Board()
    task = task_of(built_with(board.tool()))
    (asked,) = ask_about(bench, task, POST)

    answers = [decided(asked, Verdict.DENIED, comment="too short")]
    turn = bench.turn(task, publishes(POST), answers=answers)

    assert turn == Finished("This call was not made: it was denied by ada: too short")
    assert board.posts == []
    assert bench.events(EventType.TOOL_CALLED) == []
    assert_valid(bench.messages(AGENT))


def test_a_denial_nobody_made_names_nobody(bench: Bench) -> None:
    task = task_of(built_with(Board().tool()))
    (asked,) = ask_about(bench, task, POST)

    answers = [Answered(asked, Decision(verdict=Verdict.DENIED, comment="too late"))]
    turn = bench.turn(task, publishes(POST), answers=answers)

    assert turn == Finished("This call was not made: it was denied: too late")


def test_an_edited_content_is_what_the_tool_gets_and_the_model_is_told(bench: Bench) -> None:
    board = Board()
    task = task_of(built_with(board.tool()))
    (asked,) = ask_about(bench, task, POST)

    turn = bench.turn(task, publishes(POST), answers=[decided(asked, content="Hello, you!")])

    assert board.posts == ["Hello, you!"]
    assert turn == Finished(
        'published in pink\nMade with content as a person changed it: "Hello, you!"'
    )


def test_an_edited_content_that_no_argument_takes_is_not_dropped(bench: Bench) -> None:
    board = Board()

    def shows_only(_: Mapping[str, Json]) -> Question:
        return Question(what="publish", content="Hello, in pink")

    task = task_of(built_with(board.tool()), shows_only)
    (asked,) = ask_about(bench, task, POST)

    turn = bench.turn(task, publishes(POST), answers=[decided(asked, content="Hello, in blue")])

    assert board.posts == []
    assert isinstance(turn, Finished)
    assert "no argument takes one" in str(turn.answer)
    assert str(turn.answer).endswith("Hello, in blue")


def test_each_call_has_an_approval_of_its_own(bench: Bench) -> None:
    board = Board()
    task = task_of(built_with(board.tool()))
    posts = [POST, {"content": "Hello"}, {"content": "Bye", "color": "blue"}]
    one, other = ask_about(bench, task, *posts)

    answers = [decided(one), decided(other, Verdict.DENIED)]
    turn = bench.turn(task, publishes(*posts), answers=answers)

    assert turn == Finished(
        "published in pink; This call was not made: it was denied by ada; published in blue"
    )
    assert sorted(board.posts) == ["Bye", "Hello"]
    assert_valid(bench.messages(AGENT))


def test_an_answer_stands_whatever_the_policy_says_later(bench: Bench) -> None:
    board = Board()
    (asked,) = ask_about(bench, task_of(built_with(board.tool())), POST)

    relaxed = task_of(built_with(board.tool()), lambda _: None)
    turn = bench.turn(relaxed, publishes(POST), answers=[decided(asked, Verdict.DENIED)])

    assert turn == Finished("This call was not made: it was denied by ada")
    assert board.posts == []


def test_arguments_that_a_hook_changes_after_the_approval_are_asked_about_again(
    bench: Bench,
) -> None:
    board = Board()
    words = iter(["Hello", "Buy!"])

    def change(event: BeforeToolCallEvent) -> None:
        event.tool_use["input"] = {"content": next(words)}

    def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on
        agent = Agent(tools=[board.tool()], **parts)
        agent.add_hook(change, BeforeToolCallEvent)
        return agent

    task = task_of(build)
    (asked,) = ask_about(bench, task, {"content": "anything"})
    turn = bench.turn(task, publishes({"content": "anything"}), answers=[decided(asked)])

    assert isinstance(turn, Paused)
    assert [each.question.content for each in (asked, *turn.asked)] == ["Hello", "Buy!"]
    assert board.posts == []


def test_a_call_that_a_hook_makes_again_is_not_asked_about_twice(bench: Bench) -> None:
    board = Board()

    def once_more(event: AfterToolCallEvent) -> None:
        event.retry = len(board.posts) == 1

    def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on
        agent = Agent(tools=[board.tool()], **parts)
        agent.add_hook(once_more, AfterToolCallEvent)
        return agent

    task = task_of(build)
    (asked,) = ask_about(bench, task, POST)
    turn = bench.turn(task, publishes(POST), answers=[decided(asked, content="Edited")])

    assert isinstance(turn, Finished)
    assert board.posts == ["Edited"] * 2


def test_a_policy_that_can_not_judge_a_call_refuses_it(bench: Bench) -> None:
    board = Board()

    answer = bench.converse(task_of(built_with(board.tool())), publishes({"color": "pink"}))

    assert answer == "This call was not made: KeyError: 'content'"
    assert board.posts == []


def test_a_call_that_a_hook_refuses_is_not_asked_about(bench: Bench) -> None:
    def refuse(event: BeforeToolCallEvent) -> None:
        event.cancel_tool = "not today"

    def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on
        agent = Agent(tools=[Board().tool()], **parts)
        agent.add_hook(refuse, BeforeToolCallEvent)
        return agent

    assert bench.converse(task_of(build), publishes(POST)) == "not today"


def test_a_gate_before_a_tool_that_is_not_there_is_refused(bench: Bench) -> None:
    task = task_for(AGENT, built_with(Board().tool()), approve={"publsh": ask})

    with pytest.raises(AgentBuildError, match=r"no tool 'publsh' to put behind.*: publish"):
        bench.converse(task, publishes(POST))


def test_an_agent_built_without_its_gate_is_refused(bench: Bench) -> None:
    def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on
        ungated = [each for each in parts.pop("hooks") if not isinstance(each, Gate)]
        return Agent(tools=[Board().tool()], hooks=ungated, **parts)

    with pytest.raises(AgentBuildError, match="without its memory or its hooks"):
        bench.converse(task_of(build), publishes(POST))


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("write", range(WRITES))
def test_dying_at_a_write_after_the_approval_publishes_once_what_was_approved(
    bench: Bench, write: int, *, is_after: bool
) -> None:
    board = Board()
    found: list[Json] = []

    def was_published(call: InterruptedCall) -> NotTaken | None:
        found.append(call.input["content"])
        return NotTaken() if call.input["content"] not in board.posts else None

    task = task_of(built_with(effect(reconcile=was_published)(board.tool())))
    (asked,) = ask_about(bench, task, POST)
    answers = [decided(asked, content="Edited")]
    dying = bench.attempt(lambda journal: DyingJournal(journal, write=write, is_after=is_after))
    with pytest.raises(KilledError):
        bench.turn(task, publishes(POST), dying, answers)

    turn = bench.turn(task, publishes(POST), answers=answers)

    assert isinstance(turn, Finished)
    assert 'as a person changed it: "Edited"' in str(turn.answer)
    assert board.posts == ["Edited"]
    assert found in ([], ["Edited"])
    assert_valid(bench.messages(AGENT))
