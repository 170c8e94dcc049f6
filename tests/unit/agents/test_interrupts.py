"""Tools and hooks that ask: the turn ends with their questions, the next one has the answers."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import BaseModel
from strands import Agent, ToolContext, tool
from strands.hooks import BeforeToolCallEvent, BeforeToolsEvent
from strands.middleware._agent_stream import AgentStreamContext, AgentStreamStage

from agent.attempt import Attempt, StopReason
from agent.effects import effect
from agent.errors import AttemptStoppedError, UnexpectedStopError
from agent.models.conversation import Conversation, ToolCall, Turn
from agent.models.offline import OfflineModel
from agent.place import Finished, Paused, Task
from agent.questions import Answered, Asked
from runs.approvals import Decision, Question, Verdict
from runs.events import EventType
from runs.journal.base import ToolStatus
from tests.support.agents import (
    SESSION_ID,
    Bench,
    DyingJournal,
    KilledError,
    assert_valid,
    built_with,
    task_for,
)

AGENT = "asker"
CALL = f"{AGENT}-1-0"


def approved(asked: Asked, **more: Any) -> Answered:  # noqa: ANN401 - the decision's fields
    return Answered(asked, Decision(verdict=Verdict.APPROVED, by="ada", **more))


def denied(asked: Asked, comment: str = "") -> Answered:
    return Answered(asked, Decision(verdict=Verdict.DENIED, by="bob", comment=comment))


def asked_in(turn: Finished | Paused) -> tuple[Asked, ...]:
    assert isinstance(turn, Paused)
    return turn.asked


def says_results(conversation: Conversation) -> Turn:
    return Turn("; ".join(answer.text for answer in conversation.answers))


def calls(*names: str) -> Callable[[Conversation], Turn]:
    def playbook(conversation: Conversation) -> Turn:
        if conversation.turn == 0:
            return Turn(calls=[ToolCall(name) for name in names])
        return says_results(conversation)

    return playbook


@dataclass
class Desk:
    """Tools that ask, and one that does not; they count how often they are entered."""

    entered: list[str] = field(default_factory=list)

    def tools(self) -> list[object]:
        @tool(context=True)
        def ask(tool_context: ToolContext) -> str:
            """Ask.

            Args:
                tool_context: Who asks.
            """
            self.entered.append("ask")
            answer = tool_context.interrupt("publish it?", reason="Hello world")
            self.entered.append("answered")
            return f"{answer['decision']} by {answer['by']}"

        @tool
        def look() -> str:
            """Look."""
            self.entered.append("look")
            return "seen"

        return [ask, look]

    def task(self) -> Task:
        return task_for(AGENT, built_with(*self.tools()))


def test_a_turn_in_which_a_tool_asks_ends_with_the_question(bench: Bench) -> None:
    (asked,) = asked_in(bench.turn(Desk().task(), calls("ask")))

    assert asked.name == "publish it?"
    assert asked.question == Question(
        what="publish it?",
        content="Hello world",
        tool="ask",
        arguments={},
        tool_use_id="asker-1-0",
    )
    entry = bench.journal.tool(SESSION_ID, CALL)
    assert entry is not None
    assert entry.status is ToolStatus.PAUSED
    assert [d["Status"] for d in bench.details(EventType.TOOL_RETURNED)] == ["interrupted"]
    assert len(bench.messages(AGENT)) == 2


def test_the_next_turn_gives_the_tool_its_answer(bench: Bench) -> None:
    desk = Desk()
    (asked,) = asked_in(bench.turn(desk.task(), calls("ask")))
    asked = Asked.from_json(asked.to_json())

    turn = bench.turn(desk.task(), calls("ask"), answers=[approved(asked)])

    assert turn == Finished("approved by ada")
    assert desk.entered == ["ask", "ask", "answered"]
    assert bench.events(EventType.MODEL_CALLED) == [AGENT] * 2
    assert_valid(bench.messages(AGENT))


def test_tools_that_finished_beside_the_one_that_asks_are_not_entered_again(bench: Bench) -> None:
    desk = Desk()
    playbook = calls("look", "ask", "look")
    (asked,) = asked_in(bench.turn(desk.task(), playbook))

    turn = bench.turn(desk.task(), playbook, answers=[approved(asked)])

    assert turn == Finished("seen; approved by ada; seen")
    assert desk.entered.count("look") == 2
    assert bench.events(EventType.TOOL_CALLED).count("look") == 2
    assert_valid(bench.messages(AGENT))


def test_two_tools_that_ask_are_asked_about_at_once_and_answered_each(bench: Bench) -> None:
    desk = Desk()
    playbook = calls("ask", "ask")
    one, other = asked_in(bench.turn(desk.task(), playbook))

    turn = bench.turn(desk.task(), playbook, answers=[denied(other), approved(one)])

    assert one.interrupt_id != other.interrupt_id
    assert turn == Finished("approved by ada; denied by bob")
    assert_valid(bench.messages(AGENT))


def test_an_answer_that_is_missing_is_asked_for_again(bench: Bench) -> None:
    desk = Desk()
    playbook = calls("ask", "ask")
    one, other = asked_in(bench.turn(desk.task(), playbook))

    again = asked_in(bench.turn(desk.task(), playbook, answers=[approved(one)]))
    turn = bench.turn(desk.task(), playbook, answers=[approved(one), approved(other)])

    assert again == (other,)
    assert turn == Finished("approved by ada; approved by ada")


def test_a_tool_may_ask_twice(bench: Bench) -> None:
    @tool(context=True)
    def ask(tool_context: ToolContext) -> str:
        """Ask.

        Args:
            tool_context: Who asks.
        """
        first = tool_context.interrupt("first")
        second = tool_context.interrupt("second", reason={"of": "two"})
        return f"{first['by']}, {second['by']}"

    task = task_for(AGENT, built_with(ask))
    (first,) = asked_in(bench.turn(task, calls("ask")))
    (second,) = asked_in(bench.turn(task, calls("ask"), answers=[approved(first)]))

    answers = [approved(first), denied(second)]
    assert second.question.content == '{\n  "of": "two"\n}'
    assert bench.turn(task, calls("ask"), answers=answers) == Finished("ada, bob")


def test_a_question_says_who_may_answer_it_and_for_how_long(bench: Bench) -> None:
    question = Question(what="publish", content="Hello", may_decide=("ada",), quorum=1)

    @tool(context=True)
    def ask(how: str, tool_context: ToolContext) -> str:
        """Ask.

        Args:
            how: As an object or as a dictionary.
            tool_context: Who asks.
        """
        reason = question if how == "object" else question.to_json()
        return str(tool_context.interrupt("ask", reason=reason))

    def both(_: Conversation) -> Turn:
        return Turn(calls=[ToolCall("ask", {"how": how}) for how in ("object", "dictionary")])

    asked = asked_in(bench.turn(task_for(AGENT, built_with(ask)), both))

    assert [each.question.may_decide for each in asked] == [("ada",)] * 2
    assert [each.question.content for each in asked] == ["Hello"] * 2
    assert sorted(str(each.question.arguments) for each in asked) == [
        "{'how': 'dictionary'}",
        "{'how': 'object'}",
    ]


def hooked(callback: Callable[[Any], None], event: type[Any], *tools: object) -> Task:
    def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on
        agent = Agent(tools=list(tools), **parts)
        agent.add_hook(callback, event)
        return agent

    return task_for(AGENT, build)


def test_a_hook_before_a_tool_may_ask_and_the_tool_is_entered_once(bench: Bench) -> None:
    desk = Desk()

    def check(event: BeforeToolCallEvent) -> None:
        answer = event.interrupt("look?", reason="may it look?")
        if answer["decision"] == "denied":
            event.cancel_tool = f"no: {answer['comment']}"

    task = hooked(check, BeforeToolCallEvent, *desk.tools())
    asked = asked_in(bench.turn(task, calls("look", "look")))
    answers = [approved(asked[0]), denied(asked[1], "once is enough")]

    assert desk.entered == []
    assert [each.question.tool for each in asked] == ["look", "look"]
    assert bench.turn(task, calls("look", "look"), answers=answers) == Finished(
        "seen; no: once is enough"
    )
    assert desk.entered == ["look"]
    assert bench.events(EventType.TOOL_CALLED) == ["look"]
    assert_valid(bench.messages(AGENT))


def test_a_hook_before_all_tools_may_ask_each_time(bench: Bench) -> None:
    desk = Desk()
    seen: list[str] = []

    def check(event: BeforeToolsEvent) -> None:
        seen.append(event.interrupt("go on?")["by"])

    def looks_twice(conversation: Conversation) -> Turn:
        return (
            Turn(calls=[ToolCall("look")]) if conversation.turn < 2 else says_results(conversation)
        )

    task = hooked(check, BeforeToolsEvent, *desk.tools())
    (first,) = asked_in(bench.turn(task, looks_twice))
    # The id is that of the first question: its answer must not do for the second.
    (second,) = asked_in(bench.turn(task, looks_twice, answers=[approved(first)]))
    turn = bench.turn(task, looks_twice, answers=[approved(first), denied(second)])

    assert first.interrupt_id == second.interrupt_id
    assert turn == Finished("seen; seen")
    assert seen == ["ada", "bob"]
    assert desk.entered == ["look"] * 2


#: Of a turn that asks: the prompt, the model, two tools begun and left. Of the one after it: the
#: tool again, what both gave, the answer.
FIRST_WRITES, SECOND_WRITES = 6, 4
PAIR = calls("look", "ask")


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("write", range(FIRST_WRITES + 1))
def test_dying_at_a_write_before_the_question_asks_it_all_the_same(
    bench: Bench, write: int, *, is_after: bool
) -> None:
    desk = Desk()
    harmless = effect(idempotent=True)
    task = task_for(AGENT, built_with(*(harmless(each) for each in desk.tools())))
    dying = bench.attempt(lambda journal: DyingJournal(journal, write=write, is_after=is_after))
    if write < FIRST_WRITES:
        with pytest.raises(KilledError):
            bench.turn(task, PAIR, dying)
    else:
        bench.turn(task, PAIR, dying)
    (asked,) = asked_in(bench.turn(task, PAIR))

    turn = bench.turn(task, PAIR, answers=[approved(asked)])

    assert turn == Finished("seen; approved by ada")
    assert desk.entered.count("answered") == 1
    assert bench.events(EventType.MODEL_CALLED) == [AGENT] * 2
    assert_valid(bench.messages(AGENT))


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("write", range(SECOND_WRITES))
def test_dying_at_a_write_after_the_answer_goes_on_with_it(
    bench: Bench, write: int, *, is_after: bool
) -> None:
    desk = Desk()
    task = desk.task()
    (asked,) = asked_in(bench.turn(task, PAIR))
    answers = [approved(asked)]
    dying = bench.attempt(lambda journal: DyingJournal(journal, write=write, is_after=is_after))
    with pytest.raises(KilledError):
        bench.turn(task, PAIR, dying, answers)

    turn = bench.turn(task, PAIR, answers=answers)

    # The tool declared nothing: begun with the answer and not left, nobody knows what it did.
    is_in_doubt = (write, is_after) in {(0, True), (1, False)}
    assert isinstance(turn, Finished)
    assert ("Nobody knows" in str(turn.answer)) is is_in_doubt
    assert is_in_doubt or turn == Finished("seen; approved by ada")
    assert desk.entered.count("answered") <= 1
    assert desk.entered.count("look") == 1
    assert bench.events(EventType.MODEL_CALLED) == [AGENT] * 2
    assert_valid(bench.messages(AGENT))


class Sub:
    """An agent that is a tool of another, and asks before it does its work."""

    def __init__(self) -> None:
        self.entered: list[str] = []

    def build(self, **parts: Any) -> Agent:  # noqa: ANN401 - passed on
        @tool(context=True)
        def ask(tool_context: ToolContext) -> str:
            """Ask.

            Args:
                tool_context: Who asks.
            """
            self.entered.append("ask")
            return str(tool_context.interrupt("may it?")["by"])

        @tool
        def look() -> str:
            """Look."""
            self.entered.append("look")
            return "seen"

        def works(conversation: Conversation) -> Turn:
            names = ("look", "ask")
            if conversation.turn < len(names):
                return Turn(calls=[ToolCall(names[conversation.turn])])
            return says_results(conversation)

        helper = Agent(
            model=OfflineModel(works), tools=[look, ask], name="helper", callback_handler=None
        )
        return Agent(tools=[helper.as_tool()], **parts)


def test_an_agent_that_is_a_tool_may_ask_and_goes_on_where_it_was(bench: Bench) -> None:
    sub = Sub()
    task = task_for(AGENT, sub.build)

    def helped(conversation: Conversation) -> Turn:
        if conversation.turn == 0:
            return Turn(calls=[ToolCall("helper", {"input": "help"})])
        return Turn(conversation.answers[-1].text.strip())

    (asked,) = asked_in(bench.turn(task, helped))
    turn = bench.turn(task, helped, answers=[approved(asked)])

    assert asked.question.tool == "helper"
    assert turn == Finished("seen; ada")
    assert sub.entered == ["look", "ask", "ask"]
    record: Any = bench.journal.agent(SESSION_ID, AGENT)
    assert record.body["_internal_state"]["interrupt_state"] == {"context": {}}


class Report(BaseModel):
    text: str


def test_a_question_beside_a_structured_answer_comes_first(bench: Bench) -> None:
    desk = Desk()
    task = task_for(AGENT, built_with(*desk.tools()), output=Report)

    def both(_: Conversation) -> Turn:
        return Turn(calls=[ToolCall("ask"), ToolCall("Report", {"text": "done"})])

    (asked,) = asked_in(bench.turn(task, both))
    turn = bench.turn(task, both, answers=[approved(asked)])

    assert turn == Finished({"text": "done"})
    assert desk.entered == ["ask", "ask", "answered"]
    assert bench.events(EventType.MODEL_CALLED) == [AGENT]
    assert_valid(bench.messages(AGENT))


def test_a_stop_in_a_tool_that_was_approved_leaves_its_answer_to_the_next_attempt(
    bench: Bench,
) -> None:
    attempt_of_turn: list[Attempt] = []

    @effect(idempotent=True)
    @tool(context=True)
    def ask(tool_context: ToolContext) -> str:
        """Ask.

        Args:
            tool_context: Who asks.
        """
        answer = tool_context.interrupt("may it?")
        if len(attempt_of_turn) == 1:
            attempt_of_turn.pop().request_stop(StopReason.SHUTDOWN, "shutting down")
            msg = "gave up"
            raise TimeoutError(msg)
        return str(answer["by"])

    task = task_for(AGENT, built_with(ask))
    (asked,) = asked_in(bench.turn(task, calls("ask")))
    attempt_of_turn.append(bench.attempt())
    with pytest.raises(AttemptStoppedError):
        bench.turn(task, calls("ask"), attempt_of_turn[0], [approved(asked)])

    turn = bench.turn(task, calls("ask"), answers=[approved(asked)])

    assert turn == Finished("ada")
    assert_valid(bench.messages(AGENT))


def test_an_interrupt_that_belongs_to_no_tool_is_an_error_that_says_so(bench: Bench) -> None:
    # Strands keeps this stage to itself for now; nothing else interrupts outside of tools.
    async def gate(
        context: AgentStreamContext, next_fn: Callable[[AgentStreamContext], Any]
    ) -> AsyncGenerator[Any, None]:
        context.interrupt("begin?")
        async for event in next_fn(context):
            yield event

    def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on
        agent = Agent(**parts)
        agent.add_middleware(AgentStreamStage, gate)
        return agent

    with pytest.raises(UnexpectedStopError, match="'interrupt outside of tools'"):
        bench.turn(task_for(AGENT, build), calls())
