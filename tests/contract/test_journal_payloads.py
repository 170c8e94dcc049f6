"""Every journal keeps large values beside itself, and notices when they are not what they were."""

import os
from pathlib import Path

import pytest

from runs.errors import PayloadHashError, PayloadMissingError
from runs.journal.base import AgentRecord, Changes, Journal, Message, ToolEntry, ToolStatus
from runs.lifecycle import Ending
from runs.run import Status
from tests.support.journals import NOW, JournalStore, accept, an_event, an_operation, claim, later

KB = 1024


def _payloads(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "artifacts" / "payloads").glob("*"))


def _big(kind: str, size: int = 200 * KB) -> str:
    return f"{kind}: " + "€" * (size // 3)


def test_large_values_are_kept_beside_the_journal(journal: Journal, tmp_path: Path) -> None:
    run = accept(journal, prompt=_big("prompt"))
    lease = claim(journal, run.session_id).lease
    changes = Changes(
        operations=(an_operation(payload=_big("payload")),),
        messages=(Message(agent="analyst", index=0, body={"text": _big("message")}),),
        agents=(AgentRecord(agent="analyst", body={"text": _big("agent")}),),
        tools=(
            ToolEntry(
                tool_use_id="tooluse_1",
                agent="analyst",
                tool="run_sql",
                status=ToolStatus.DONE,
                attempt=1,
                result={"text": _big("tool")},
                started_at=NOW,
                ended_at=NOW,
            ),
        ),
        events=(an_event(details={"Text": _big("event")}),),
    )
    journal.commit(lease, changes, now=NOW)
    result = {"text": _big("result", 10_000 * KB)}
    ended = journal.settle(lease, Ending(status=Status.COMPLETED, result=result), now=later(1))

    assert len(_payloads(tmp_path)) == 7
    assert journal.get(run.session_id) == ended
    assert ended.prompt == _big("prompt")
    assert ended.result == result
    assert journal.operations(run.session_id) == list(changes.operations)
    assert journal.messages(run.session_id, "analyst") == list(changes.messages)
    assert journal.agent(run.session_id, "analyst") == changes.agents[0]
    assert journal.tool(run.session_id, "tooluse_1") == changes.tools[0]
    assert journal.events(run.session_id)[2].event == changes.events[0]


@pytest.mark.parametrize(("size", "kept_beside"), [(128 * KB, 0), (128 * KB + 1, 1)])
def test_128_kb_is_where_beside_begins(
    journal: Journal, tmp_path: Path, size: int, kept_beside: int
) -> None:
    lease = claim(journal, accept(journal).session_id).lease

    journal.commit(lease, Changes(operations=(an_operation(payload="x" * size),)), now=NOW)

    assert len(_payloads(tmp_path)) == kept_beside
    assert journal.operations(lease.session_id)[0].payload == "x" * size


def test_a_value_that_grows_and_shrinks_is_always_the_last(journal: Journal) -> None:
    lease = claim(journal, accept(journal).session_id).lease

    for payload in ("small", _big("large"), "small again"):
        journal.commit(lease, Changes(operations=(an_operation(payload=payload),)), now=NOW)

        assert journal.operations(lease.session_id)[0].payload == payload


def test_many_large_values_in_one_write_are_taken(journal: Journal) -> None:
    """A DynamoDB transaction takes 4 MB, and these are 12."""
    lease = claim(journal, accept(journal).session_id).lease
    operations = [an_operation(f"op-{n}", payload=f"{n:5d}" + "x" * 120 * KB) for n in range(99)]

    journal.commit(lease, Changes(operations=operations), now=NOW)

    assert journal.operations(lease.session_id) == operations


def test_the_same_value_is_kept_once(journal: Journal, tmp_path: Path) -> None:
    for _ in range(3):
        accept(journal, prompt=_big("prompt"))

    assert len(_payloads(tmp_path)) == 1


def test_a_lone_surrogate_survives_beside_the_journal(journal: Journal) -> None:
    lease = claim(journal, accept(journal).session_id).lease
    payload = "\ud800" + "x" * 200 * KB

    journal.commit(lease, Changes(operations=(an_operation(payload=payload),)), now=NOW)

    assert journal.operations(lease.session_id)[0].payload == payload


def test_a_value_that_was_tampered_with_is_refused(journal: Journal, tmp_path: Path) -> None:
    run = accept(journal, prompt=_big("prompt"))
    (kept,) = _payloads(tmp_path)
    kept.write_bytes(kept.read_bytes().replace(b"prompt", b"PROMPT"))

    with pytest.raises(PayloadHashError, match=kept.name):
        journal.get(run.session_id)
    with pytest.raises(PayloadHashError):
        claim(journal, run.session_id)


def test_a_value_that_is_gone_is_named(journal: Journal, tmp_path: Path) -> None:
    lease = claim(journal, accept(journal).session_id).lease
    journal.commit(lease, Changes(operations=(an_operation(payload=_big("x")),)), now=NOW)
    (kept,) = _payloads(tmp_path)
    kept.unlink()

    with pytest.raises(PayloadMissingError, match=f"payloads/{kept.name}"):
        journal.operations(lease.session_id)


def test_a_run_whose_prompt_is_gone_is_listed_and_can_be_ended(
    journal: Journal, tmp_path: Path
) -> None:
    run = accept(journal, prompt=_big("prompt"))
    (kept,) = _payloads(tmp_path)
    hidden = kept.rename(tmp_path / "hidden")

    (listed,) = journal.list_runs().runs
    ended = journal.cancel(run.session_id, now=later(1), reason="its prompt is gone")

    assert listed.session_id == run.session_id
    assert "can't be read" in listed.prompt
    assert ended.status is Status.CANCELLED
    hidden.rename(kept)
    restored = journal.get(run.session_id)
    assert restored is not None
    assert restored.prompt == run.prompt


def test_a_payload_that_can_not_be_stored_leaves_no_reference(
    store: JournalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = store.journal()
    lease = claim(journal, accept(journal).session_id).lease

    def full(handle: int) -> None:
        raise OSError(28, f"no space left on device {handle}")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space left"):
            journal.commit(lease, Changes(operations=(an_operation(payload=_big("x")),)), now=NOW)

    assert journal.operations(lease.session_id) == []
    journal.renew(lease, now=later(1))
