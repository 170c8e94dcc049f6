"""What people tell an agent at work: it hears each message once, whoever dies on the way."""

import threading
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from strands import tool

from agent.attempt import Attempt
from agent.errors import AttemptStoppedError
from agent.models.conversation import Conversation, ToolCall, Turn, text_of
from agent.place import Task
from runs.errors import JournalUnavailableError
from runs.events import EventType
from runs.json_types import Json
from runs.told import Tell
from tests.support.agents import (
    SESSION_ID,
    Bench,
    DyingJournal,
    KilledError,
    assert_valid,
    built_with,
    task_for,
)

AGENT = "clerk"
#: Writes of the run below when it is told something after its first tool: 3 of a user, 3 of the
#: model, 2 for each of 2 tool calls, and one that adds what it was told.
WRITES = 11


class Report(BaseModel):
    words: str


def tell(bench: Bench, text: str, *, agent: str | None = None, tell_id: str = "") -> Tell:
    message = Tell(
        tell_id=tell_id or f"id of {text}", text=text, by="ada", agent=agent, told_at=bench.clock()
    )
    return bench.journal.tell(SESSION_ID, message, now=bench.clock())


def told(conversation: Conversation) -> list[str]:
    """Give the texts of a user since the prompt, as a model is given them."""
    return [
        block["text"]
        for message in conversation.messages
        if message["role"] == "user"
        for block in message["content"]
        if "text" in block and block["text"] != "go"
    ]


def clerk(conversation: Conversation) -> Turn:
    """Count twice, and end with what a person said."""
    if conversation.turn < 2:
        return Turn(calls=[ToolCall("count", {"what": "ab" * (conversation.turn + 1)})])
    return Turn(f"heard {told(conversation)}")


def task_of(bench: Bench, *texts: str, **more: Any) -> Task:  # noqa: ANN401 - the task's fields
    """Make a task during whose first tool call somebody says something."""
    said = list(texts)

    @tool
    def count(what: str) -> int:
        """Count.

        Args:
            what: What to count.
        """
        while said:
            tell(bench, said.pop(0))
        return len(what)

    return task_for(AGENT, built_with(count), **more)


def states(bench: Bench) -> list[tuple[int, str, str | None]]:
    head = bench.head()
    return [
        (each.number, each.state(head), each.delivered_to)
        for each in bench.journal.tells(SESSION_ID)
    ]


def texts_in(bench: Bench, agent: str = AGENT) -> list[str]:
    said = [text_of(each) for each in bench.messages(agent) if each["role"] == "user"]
    return [text for text in said if text]


def test_an_agent_at_work_is_told_before_its_next_model_call(bench: Bench) -> None:
    calls: list[list[str]] = []

    def listening(conversation: Conversation) -> Turn:
        calls.append(told(conversation))
        return clerk(conversation)

    answer = bench.converse(task_of(bench, "In euros, please."), listening)

    assert answer == "heard ['In euros, please.']"
    assert calls == [[], ["In euros, please."], ["In euros, please."]]
    assert states(bench) == [(1, "delivered", AGENT)]
    assert_valid(bench.messages(AGENT))


def test_what_it_is_told_follows_the_results_of_its_tools(bench: Bench) -> None:
    bench.converse(task_of(bench, "Shorter."), clerk)

    kinds = [list(block) for block in bench.messages(AGENT)[2]["content"]]
    assert kinds == [["toolResult"], ["text"]]


def test_messages_keep_the_order_in_which_they_were_said(bench: Bench) -> None:
    answer = bench.converse(task_of(bench, "first", "second", "third"), clerk)

    assert answer == "heard ['first', 'second', 'third']"


def test_what_was_said_before_the_agent_began_stands_with_its_prompt(bench: Bench) -> None:
    prompts: list[str] = []

    def reading(conversation: Conversation) -> Turn:
        prompts.append(conversation.prompt)
        return Turn(f"heard {told(conversation)}")

    tell(bench, "Be brief.")

    assert bench.converse(task_of(bench), reading) == "heard ['Be brief.']"
    # A playbook goes by its prompt, whatever a person added.
    assert prompts == ["go"]
    assert_valid(bench.messages(AGENT))


def test_words_that_come_during_the_last_call_make_the_agent_go_on(bench: Bench) -> None:
    said = iter(["And in French."])

    def talking_past(conversation: Conversation) -> Turn:
        for text in said:
            tell(bench, text)
        return Turn(f"heard {told(conversation)}")

    assert bench.converse(task_of(bench), talking_past) == "heard ['And in French.']"
    assert bench.head().usage.model_calls == 2
    assert_valid(bench.messages(AGENT))


def test_a_structured_answer_is_given_again_when_a_person_says_more(bench: Bench) -> None:
    said = iter(["One more thing."])

    def answering(conversation: Conversation) -> Turn:
        for text in said:
            tell(bench, text)
        return Turn(calls=[ToolCall("Report", {"words": str(told(conversation))})])

    answer = bench.converse(task_of(bench, output=Report), answering)

    assert answer == {"words": "['One more thing.']"}
    assert_valid(bench.messages(AGENT))


def test_words_beside_a_demand_for_the_structured_answer_change_no_demand(bench: Bench) -> None:
    said = iter(["In words of one syllable."])

    def chatting(conversation: Conversation) -> Turn:
        if conversation.required_tool is None:
            for text in said:
                tell(bench, text)
            return Turn("Let me think.")
        return Turn(calls=[ToolCall("Report", {"words": told(conversation)[-1]})])

    assert bench.converse(task_of(bench, output=Report), chatting) == {
        "words": "In words of one syllable."
    }


def test_an_agent_without_calls_left_is_told_nothing_more(bench: Bench) -> None:
    said = iter(["Too late."])

    def talking_past(_: Conversation) -> Turn:
        for text in said:
            tell(bench, text)
        return Turn("done")

    assert bench.converse(task_of(bench, max_turns=1), talking_past) == "done"
    assert states(bench) == [(1, "waiting", None)]


def test_a_message_for_another_agent_waits_for_that_one(bench: Bench) -> None:
    tell(bench, "for the writer", agent="writer")
    tell(bench, "for anybody")

    first = bench.converse(task_of(bench), clerk)
    second = bench.converse(task_for("writer", built_with()), lambda seen: Turn(str(told(seen))))

    assert first == "heard ['for anybody']"
    assert second == "['for the writer']"
    assert states(bench) == [(1, "delivered", "writer"), (2, "delivered", AGENT)]


def test_of_agents_at_work_at_once_one_is_told(bench: Bench) -> None:
    """Both come to their first edge at the same time, and share an attempt as branches do."""
    attempt, barrier, answers = bench.attempt(), threading.Barrier(2), list[Json]()
    tell(bench, "once")

    def work(name: str) -> None:
        barrier.wait()
        answers.append(
            bench.converse(
                task_for(name, built_with()), lambda seen: Turn(str(told(seen))), attempt
            )
        )

    branches = [threading.Thread(target=work, args=(name,)) for name in ("left", "right")]
    for branch in branches:
        branch.start()
    for branch in branches:
        branch.join()

    assert sorted(map(str, answers)) == ["['once']", "[]"]
    assert len(bench.events(EventType.MESSAGE_DELIVERED)) == 1


@pytest.mark.parametrize("write", range(WRITES))
@pytest.mark.parametrize("is_after", [False, True])
def test_a_worker_that_dies_neither_loses_a_message_nor_says_it_twice(
    tmp_path: Path, write: int, *, is_after: bool
) -> None:
    bench = Bench(tmp_path)
    task = task_of(bench, "Heed this.")
    dying = bench.attempt(lambda journal: DyingJournal(journal, write=write, is_after=is_after))
    with pytest.raises(KilledError):
        bench.converse(task, clerk, dying)
    answer = bench.converse(task, clerk)

    # A tool that was in doubt was not entered again, and so nobody said anything.
    expected = [each.text for each in bench.journal.tells(SESSION_ID)]
    assert answer == f"heard {expected}"
    assert texts_in(bench).count("Heed this.") == len(expected)
    assert len(bench.events(EventType.MESSAGE_DELIVERED)) == len(expected)
    assert_valid(bench.messages(AGENT))


def test_a_run_that_is_told_something_makes_as_many_writes_as_the_others_die_at(
    bench: Bench,
) -> None:
    last = bench.attempt(lambda journal: DyingJournal(journal, write=WRITES, is_after=False))

    assert bench.converse(task_of(bench, "Heed this."), clerk, last) == "heard ['Heed this.']"
    with pytest.raises(KilledError):
        bench.converse(task_for("other", built_with()), clerk, last)


def test_a_worker_that_dies_after_the_last_answer_says_what_came_meanwhile(bench: Bench) -> None:
    bench.converse(task_of(bench), clerk)
    tell(bench, "Wait, in euros.")

    # The step around the agent was not recorded: another worker takes the agent up.
    assert bench.converse(task_of(bench), clerk) == "heard ['Wait, in euros.']"
    assert_valid(bench.messages(AGENT))


def test_the_same_message_sent_twice_is_one(bench: Bench) -> None:
    first = tell(bench, "once", tell_id="a")
    again = tell(bench, "once", tell_id="a")

    assert again == first
    assert bench.converse(task_of(bench), lambda seen: Turn(str(told(seen)))) == "['once']"


def test_a_large_message_and_many_come_whole(bench: Bench) -> None:
    large = "é" * (50 * 1024)
    tell(bench, large)
    for number in range(45):
        tell(bench, f"message {number}")

    heard: list[list[str]] = []

    def listening(conversation: Conversation) -> Turn:
        heard.append(told(conversation))
        return Turn("done")

    bench.converse(task_of(bench), listening)

    assert heard == [[large, *(f"message {number}" for number in range(45))]]
    assert_valid(bench.messages(AGENT))


def test_a_message_whose_write_fails_is_there_for_the_next_attempt(bench: Bench) -> None:
    class Deaf:
        """A journal that takes no message an agent was given."""

        def __init__(self, journal: Any) -> None:  # noqa: ANN401 - everything else is the journal's
            self._journal = journal

        def commit(self, lease: Any, changes: Any, *, now: datetime) -> None:  # noqa: ANN401 - see above
            if changes.tells:
                msg = "no answer"
                raise JournalUnavailableError(msg)
            self._journal.commit(lease, changes, now=now)

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - see above
            return getattr(self._journal, name)

    tell(bench, "Heed this.")
    attempt: Attempt = bench.attempt(Deaf)
    attempt.lease = replace(attempt.lease, seconds=0.01)
    with pytest.raises(AttemptStoppedError, match="the journal did not answer"):
        bench.converse(task_of(bench), clerk, attempt)

    assert states(bench) == [(1, "waiting", None)]
    assert bench.converse(task_of(bench), clerk) == "heard ['Heed this.']"
