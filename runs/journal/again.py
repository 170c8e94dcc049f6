"""Taking up a run again that has ended, in as many writes as it takes.

The plan is written first, the head moves last, and what lies between may be done any number of
times: whoever repeats a retry finds the plan and does the rest. Until the head moves the run is
over, so that nobody works on what is being taken away.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from runs import again, lifecycle
from runs.again import Holdings, Plan, Retry
from runs.children import child_id, orphaned
from runs.errors import RetryRefusedError, RunNotFoundError
from runs.journal.keys import (
    AGENTS,
    APPROVALS,
    MESSAGES,
    OPERATIONS,
    TOOLS,
    operation_key,
    retry_key,
)
from runs.journal.stored import RecordStore
from runs.lifecycle import Change
from runs.operations import Operation
from runs.plan_record import PLAN
from runs.program import Program
from runs.records import OPERATION, Record
from runs.run import Run

T = TypeVar("T")

#: Records in one write: with the head and an event they are below what a transaction takes.
PAGE = 90
#: What an operation has that may be large, and that tells nothing of its place.
_LARGE = frozenset({"payload", "payload_ref", "input", "input_ref"})


class AgainRecords(RecordStore):
    """See `runs.journal.base.Journal`."""

    def retry(self, session_id: str, retry: Retry, *, now: datetime) -> Run:
        """See `Journal.retry`."""
        run = self._run(session_id)
        if _is_under_way(run, retry):
            return run
        self._check_parent(run)
        plan = self._begin(run, retry, now)
        keys = (*map(operation_key, plan.dropped), *plan.removed)
        for page in _pages(keys):
            self._change(session_id, partial(lifecycle.carry_out, plan=plan, removed=page))
        for page in _pages(plan.reopened):
            operations = tuple(self._reopened(session_id, each, plan) for each in page)
            rule = partial(lifecycle.carry_out, plan=plan, operations=operations)
            self._change(session_id, rule)
        return self._change(session_id, partial(lifecycle.retry, plan=plan, retry=retry, now=now))

    def _begin(self, run: Run, retry: Retry, now: datetime) -> Plan:
        """Write down what is to be done, with what is left of a retry that died."""
        lifecycle.check_retriable(run, retry, now=now)
        number = run.retries + 1
        begun = self._plan(run.session_id, number)
        is_same = begun is not None and retry.start in {None, begun.asked}
        plan = begun if begun is not None and is_same else self._planned(run, retry, now)
        written: list[Plan] = []

        def begin(run: Run) -> Change:
            # Read after the head: somebody may have begun the same in this moment.
            known = self._plan(run.session_id, number)
            written[:] = [plan.merged(known)]
            return lifecycle.begin_retry(run, plan=written[0], retry=retry, now=now)

        self._change(run.session_id, begin)
        return written[0]

    def _plan(self, session_id: str, number: int) -> Plan | None:
        return self._one(PLAN, session_id, retry_key(number))

    def _planned(self, run: Run, retry: Retry, now: datetime) -> Plan:
        return again.plan(
            run,
            Program(self._bare_operations(run.session_id)),
            retry,
            holdings=self._holdings(run.session_id),
            child=partial(self._child, run.session_id),
            now=now,
        )

    def _bare_operations(self, session_id: str) -> list[Operation]:
        """Read operations without what they were given and gave, which may be large, or lost."""
        found = self._records_by_age(session_id, OPERATIONS)
        return [
            self._decoded(
                OPERATION, session_id, key, {n: v for n, v in record.items() if n not in _LARGE}
            )
            for key, record in found
        ]

    def _holdings(self, session_id: str) -> Holdings:
        messages = self._records(session_id, MESSAGES)
        others = [*self._records(session_id, AGENTS), *self._records(session_id, TOOLS)]
        approvals = self._records(session_id, APPROVALS)
        return Holdings(
            conversations={
                agent: frozenset(_text(record, "operation_id") for _, record in said)
                for agent, said in _by_agent(messages).items()
            },
            agents={
                agent: tuple(key for key, _ in kept)
                for agent, kept in _by_agent([*messages, *others]).items()
            },
            callbacks={str(record["operation_id"]): key for key, record in approvals},
        )

    def _child(self, session_id: str, invoke: Operation) -> Run | None:
        child = child_id(session_id, invoke)
        head = self._head(child)
        return None if head is None else self._head_for(head, child, is_strict=False)

    def _reopened(self, session_id: str, operation_id: str, plan: Plan) -> Operation:
        known = self._one(OPERATION, session_id, operation_key(operation_id))
        if known is None:
            msg = f"operation {operation_id!r} of run {session_id!r} is gone, expected it to go on"
            raise AssertionError(msg)
        return again.reopened(known, plan)

    def _check_parent(self, run: Run) -> None:
        if run.parent_session_id is None:
            return
        head = self._head(run.parent_session_id)
        parent = None
        if head is not None:
            parent = self._head_for(head, run.parent_session_id, is_strict=False)
        if (why := orphaned(parent)) is not None:
            raise RetryRefusedError(run.session_id, f"{why}; retry that one, and this goes with it")

    def _run(self, session_id: str) -> Run:
        head = self._head(session_id)
        if head is None:
            raise RunNotFoundError(session_id)
        return self._head_for(head, session_id, is_strict=False)


def _is_under_way(run: Run, retry: Retry) -> bool:
    """Say whether the run was taken up again already: the answer to a first call was lost."""
    if retry.number is not None:
        return run.retries >= retry.number
    return run.retries > 0 and not run.status.is_terminal


def _pages(items: Sequence[T]) -> Iterator[tuple[T, ...]]:
    for start in range(0, len(items), PAGE):
        yield tuple(items[start : start + PAGE])


def _by_agent(
    records: Sequence[tuple[str, Record]],
) -> Mapping[str, list[tuple[str, Record]]]:
    found: dict[str, list[tuple[str, Record]]] = {}
    for key, record in records:
        found.setdefault(str(record.get("agent")), []).append((key, record))
    return found


def _text(record: Record, name: str) -> str | None:
    value = record.get(name)
    return value if isinstance(value, str) else None
