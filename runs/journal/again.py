"""Taking up a run again that has ended, or forking it, in as many writes as it takes.

The plan is written first, the head moves last, and what lies between may be done any number of
times: whoever repeats a retry finds the plan and does the rest. Until the head moves the run is
over, so that nobody works on what is being taken away. A fork's head comes last, too: without it
there is no run.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from runs import again, forking, lifecycle, notices
from runs.again import Holdings, Plan, Retry
from runs.children import child_id, orphaned
from runs.errors import ForkRefusedError, RetryRefusedError, RunNotFoundError
from runs.forking import Fork, Start
from runs.ids import child_session_id
from runs.journal.base import Accepted
from runs.journal.keys import (
    AGENTS,
    APPROVALS,
    MESSAGES,
    OPERATIONS,
    TOOLS,
    operation_key,
    retry_key,
)
from runs.journal.parts import Parts
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
            self._check_same(run, retry)
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
        asking = notices.asked_again(self._readable_approvals(session_id))
        for approvals in _pages(asking):
            self._change(session_id, partial(lifecycle.carry_out, plan=plan, approvals=approvals))
        rule = partial(lifecycle.retry, plan=plan, retry=retry, is_asking=bool(asking), now=now)
        return self._change(session_id, rule)

    def fork(self, session_id: str, fork: Fork, *, now: datetime) -> Accepted:
        """See `Journal.fork`."""
        known = self._head(fork.session_id)
        if known is not None:
            return self._known_fork(known, session_id, fork)
        run = self._run(session_id, is_strict=True)
        forking.check_forkable(run)
        if self._plan(session_id, run.retries + 1) is not None:
            raise ForkRefusedError(session_id, "a retry of it was begun and is not done; repeat it")
        holdings = self._holdings(session_id)
        start = forking.start_of(
            run,
            Program(self._bare_operations(session_id)),
            fork,
            holdings=holdings,
            whole=partial(self._operation, session_id),
            now=now,
        )
        accepted = self._plant(start.run, self._first_parts(session_id, start, holdings))
        return accepted or self._known_fork(self._head(fork.session_id), session_id, fork)

    @abstractmethod
    def _plant(self, run: Run, parts: Parts) -> Accepted | None:
        """Record a new run that has records from the beginning; its head comes last.

        Records of its session id that were there are an earlier try's, and go.

        Returns:
            The answer of `Journal.accept`; None if the session id has got a run meanwhile.
        """

    def _known_fork(self, head: Record | None, session_id: str, fork: Fork) -> Accepted:
        if head is None:
            raise RunNotFoundError(fork.session_id)
        run = self._head_for(head, fork.session_id, is_strict=False)
        if run.forked_from is None or run.forked_from.session_id != session_id:
            raise ForkRefusedError(session_id, f"{fork.session_id!r} is another run")
        if not forking.is_same(run, fork):
            why = f"{fork.session_id!r} is another fork of it, at {run.forked_from.step!r}"
            raise ForkRefusedError(session_id, why)
        return Accepted(run=run, is_new=False)

    def _first_parts(self, session_id: str, start: Start, holdings: Holdings) -> Parts:
        """Give the records a fork begins with; payloads that are kept elsewhere stay there."""
        kept = set(start.kept)
        parts: Parts = {}
        for key, record in self._records_by_age(session_id, OPERATIONS):
            operation_id = str(record.get("operation_id"))
            if operation_id in start.changed:
                parts[key] = self._codec.encode(OPERATION, start.changed[operation_id])
            elif operation_id in kept:
                parts[key] = _as_it_was(session_id, record)
        agents = {key for agent in start.agents for key in holdings.agents[agent]}
        for keys in (AGENTS, MESSAGES, TOOLS):
            parts |= {key: each for key, each in self._records(session_id, keys) if key in agents}
        return parts

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

    def _check_same(self, run: Run, retry: Retry) -> None:
        """Refuse to come back to a retry that does less again than is asked for now."""
        plan = self._plan(run.session_id, run.retries)
        if plan is None or retry.start in {None, plan.asked, plan.start}:
            return
        began = "without a step to start from" if plan.start is None else f"from {plan.start!r} on"
        why = f"it is {run.status}: retry {run.retries} was begun {began}; cancel it first"
        raise RetryRefusedError(run.session_id, why)

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
        known = self._operation(session_id, operation_id)
        return again.reopened(known, child_retries=plan.children.get(operation_id))

    def _operation(self, session_id: str, operation_id: str) -> Operation:
        known = self._one(OPERATION, session_id, operation_key(operation_id))
        if known is None:
            msg = (
                f"operation {operation_id!r} of run {session_id!r} is gone, expected it to be kept"
            )
            raise AssertionError(msg)
        return known

    def _check_parent(self, run: Run) -> None:
        if run.parent_session_id is None:
            return
        head = self._head(run.parent_session_id)
        parent = None
        if head is not None:
            parent = self._head_for(head, run.parent_session_id, is_strict=False)
        if (why := orphaned(parent)) is not None:
            raise RetryRefusedError(run.session_id, f"{why}; retry that one, and this goes with it")

    def _run(self, session_id: str, *, is_strict: bool = False) -> Run:
        head = self._head(session_id)
        if head is None:
            raise RunNotFoundError(session_id)
        return self._head_for(head, session_id, is_strict=is_strict)


def _is_under_way(run: Run, retry: Retry) -> bool:
    """Say whether the run was taken up again already: the answer to a first call was lost."""
    if retry.number is not None:
        return run.retries >= retry.number
    return run.retries > 0 and not run.status.is_terminal


def _as_it_was(session_id: str, record: Record) -> Record:
    """Give an operation's record to another run; its child, if it had one, stays the other's."""
    operation_id, is_invoke = str(record["operation_id"]), "target" in record
    if not is_invoke or "child_session_id" in record:
        return record
    return record | {"child_session_id": child_session_id(session_id, operation_id)}


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
