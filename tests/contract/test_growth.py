"""How much a long conversation takes in the journal: as much as is said in it, and little more."""

from pathlib import Path

import pytest
from strands import tool

from agent.effects import effect
from agent.models.conversation import Conversation, Playbook, ToolCall, Turn
from tests.support.agents import SESSION_ID, Bench, built_with, task_for
from tests.support.journals import JournalStore

AGENT = "reader"
#: A token is about four characters: 200,000 of them in pages that stay in the journal.
PAGES, PAGE = 20, 40_000
CALLS, RESULT = 100, 5_000
MOST = 2_000_000

_LINE = '"AmazonEC2", 1,234.56 €, eu-west-1: up by 12 % since “January”\n'


@effect(idempotent=True)
@tool
def read(number: int, size: int) -> str:
    """Read.

    Args:
        number: Which page.
        size: How much of it.
    """
    text = f"{number}: " + _LINE * (size // len(_LINE))
    return text[:size]


def reads(*, pages: int, calls: int) -> Playbook:
    def playbook(conversation: Conversation) -> Turn:
        turn = conversation.turn
        if turn == pages + calls:
            return Turn("All read.")
        size = PAGE if turn < pages else RESULT
        return Turn(calls=[ToolCall("read", {"number": turn, "size": size})])

    return playbook


@pytest.mark.parametrize("store", ["sqlite", "dynamodb"], indirect=True)
def test_a_hundred_results_on_a_long_conversation_stay_small(
    store: JournalStore, tmp_path: Path
) -> None:
    bench = Bench(tmp_path / "bench", open_journal=lambda _: store.journal())
    task = task_for(AGENT, built_with(read), max_turns=PAGES + CALLS + 1)

    assert bench.converse(task, reads(pages=PAGES, calls=CALLS)) == "All read."

    beside = sum(path.stat().st_size for path in tmp_path.rglob("payloads/*"))
    assert store.size(SESSION_ID) + beside < MOST


def test_a_result_is_kept_once(store: JournalStore, tmp_path: Path) -> None:
    bench = Bench(tmp_path / "bench", open_journal=lambda _: store.journal())
    task = task_for(AGENT, built_with(read), max_turns=CALLS)

    bench.converse(task, reads(pages=0, calls=10))

    # Its quotation marks are escaped, and each call has messages and events around it.
    assert store.size(SESSION_ID) < 10 * 2 * RESULT
