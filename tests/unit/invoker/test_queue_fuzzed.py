"""Ten thousand messages that are broken in every way: none is lost, and none fails the handler."""

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from invoker.delivery import Delivery
from invoker.tasks import Tasks
from runs.answering import Answers
from runs.artifacts.folder import FolderStore
from runs.asked import ApprovalState
from runs.journal.sqlite import SqliteJournal
from runs.json_types import Json
from runs.signals import NoSignal
from runs.stepfunctions import StepFunctionsStarter
from tests.support.approvals import POST, ask
from tests.support.fuzzing import broken
from tests.support.journals import NOW
from tests.support.queueing import (
    DEAD_LETTERS,
    PATIENCE,
    QUEUE,
    RecordedQueues,
    existing,
    new,
    record,
)

MESSAGES = 10_000
RUNS = 150
CALL = "marketer-1-0"
#: What Step Functions takes.
LONGEST_INPUT = 262_144
_LONGEST_TRACE = 256
_NAME = re.compile(r"[0-9A-Za-z_-]{1,80}")


@dataclass
class Machine:
    """The call of Step Functions, which refuses what the service would not take."""

    started: list[dict[str, Any]] = field(default_factory=list)

    def start_execution(
        self,
        *,
        stateMachineArn: str,  # noqa: N803 - boto3's spelling
        name: str,
        input: str,  # noqa: A002 - as above
        traceHeader: str = "",  # noqa: N803 - as above
    ) -> None:
        """See boto3."""
        assert len(traceHeader) <= _LONGEST_TRACE
        assert stateMachineArn
        assert _NAME.fullmatch(name)
        if len(input.encode()) > LONGEST_INPUT or re.search(r"\b(NaN|Infinity)\b", input):
            answer: Any = {"Error": {"Code": "InvalidExecutionInput", "Message": "it is no input"}}
            raise ClientError(answer, "StartExecution")
        self.started.append(json.loads(input))


@dataclass
class Lot:
    """The handler, with runs that ask."""

    journal: SqliteJournal
    sessions: list[str]
    machine: Machine = field(default_factory=Machine)
    queues: RecordedQueues = field(default_factory=RecordedQueues)

    def __post_init__(self) -> None:
        self.delivery = Delivery(
            tasks=Tasks(
                answers=Answers(journal=self.journal, signal=NoSignal(), clock=lambda: NOW),
                starter=StepFunctionsStarter(self.machine, state_machine="arn"),
                workflows={"marketing-post", "cost-analysis"},
                patience=PATIENCE,
                clock=lambda: NOW,
            ),
            queues=self.queues,
            queue_url=QUEUE,
            dead_letter_url=DEAD_LETTERS,
        )

    def deliver(self, body: str, number: int) -> bool:
        """Deliver a message, and say whether it was taken."""
        message = record(body, sent_at=NOW, message_id=f"00000000-0000-4000-8000-{number:012}")
        answer = self.delivery.take({"Records": [message]}, seconds_left=lambda: 60.0)
        return answer == {"batchItemFailures": []}

    def good(self) -> list[Json]:
        """Give messages that can be done."""
        answers: list[Json] = [
            existing(session_id, CALL, text, status=status)
            for session_id in self.sessions
            for text, status in (
                ("Fine.", "success"),
                ("Too loud.", "error"),
                ('{"decision": "approved", "content": "Quieter.", "by": "ada"}', "success"),
            )
        ]
        more: dict[str, Json] = {"input": {"a": [1]}, "max_tokens": 9, "max_cost_usd": "0.5"}
        asking: list[Json] = [new(), new("Über Einhörner 🦄."), new(idempotency_key="k") | more]
        return answers + asking * RUNS


@pytest.fixture
def lot(tmp_path: Path) -> Iterator[Lot]:
    journal = SqliteJournal(":memory:", artifacts=FolderStore(tmp_path))
    question = replace(POST, tool="human_approval", tool_use_id=CALL)
    sessions = [ask(journal, question)[1].session_id for _ in range(RUNS)]
    yield Lot(journal, sessions)
    journal.close()


def test_each_of_ten_thousand_messages_is_done_kept_or_a_dead_letter_with_the_reason(
    lot: Lot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "invoker")
    random = Random(20_261_121)  # noqa: S311 - the same texts each time

    for number, body in enumerate(broken(lot.good(), count=MESSAGES, random=random)):
        dead, started = len(lot.queues.dead), len(lot.machine.started)
        caplog.clear()
        is_taken = lot.deliver(body, number)
        said = [each.message for each in caplog.records]

        if len(lot.queues.dead) > dead:
            assert is_taken, body
            assert lot.queues.reasons[-1], body
            assert lot.queues.dead[-1]["MessageBody"] == body
        elif is_taken:
            done = {"run asked for", "call answered", "answered before"} & set(said)
            assert done, body
            assert ("run asked for" in done) is (len(lot.machine.started) == started + 1), body
        else:
            assert said == ["message waits"], body

    # The texts were neither all good nor all bad.
    states = [lot.journal.approvals(each)[0].state for each in lot.sessions]
    assert {ApprovalState.APPROVED, ApprovalState.DENIED} <= set(states)
    assert 1_000 < len(lot.machine.started) < MESSAGES
    assert 1_000 < len(lot.queues.dead) < MESSAGES
    assert lot.queues.pauses
