"""Taking up a run again that has ended: what of its records goes, and what stays.

A finished operation stays, and is not done again. What has to go is what the workflow's end came
from: the operations because of which it failed, and whatever the workflow did after them, which it
may now do otherwise. The contexts around them go on.

A plan of it is written down before anything is removed, so that whoever repeats a retry that died
in the middle does the rest of the same.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from runs.budget import Budget
from runs.errors import StepRefusedError
from runs.operations import Operation, OperationStatus, OperationType
from runs.program import Program
from runs.run import Artifact, Run, Status
from runs.steps import find_step, step_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """What is asked for."""

    #: Who asks, for the timeline.
    by: str
    #: The step from which on everything is done again, finished or not: its name, its operation's
    #: id, or the beginning of that.
    start: str | None = None
    #: How long the run may take from now; without it as long as it might before.
    deadline_seconds: float | None = None
    #: When it must have ended, for a child: its parent's deadline.
    deadline_at: datetime | None = None
    #: Limits that take the place of the run's own.
    budget: Budget = field(default_factory=Budget)
    #: The retry's number, counted from 1, where it is to be that one or none.
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Which records of a run belong to which agents and callbacks."""

    #: The operations in which an agent said something, by its name.
    conversations: Mapping[str, frozenset[str | None]]
    #: The keys of what is kept of an agent: its messages, its tool calls, itself.
    agents: Mapping[str, tuple[str, ...]]
    #: The key of what is kept of a callback beside it.
    callbacks: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What happens to a run's records before it is QUEUED again."""

    #: Which retry of the run it is, from 1.
    number: int
    #: The operations that go, the latest first.
    dropped: tuple[str, ...]
    #: The keys of other records that go with them.
    removed: tuple[str, ...]
    #: The operations that go on: contexts, and invokes of children that failed.
    reopened: tuple[str, ...]
    #: How often the child of an invoke must have been retried for its end to count.
    children: Mapping[str, int] = field(default_factory=dict)
    #: The step from which on it is done again: as it was asked for, and by its name.
    asked: str | None = None
    start: str | None = None

    def merged(self, begun: "Plan | None") -> "Plan":
        """Give this plan with what is left of one that was begun and may not be finished."""
        if begun is None:
            return self
        dropped = tuple(dict.fromkeys((*self.dropped, *begun.dropped)))
        reopened = dict.fromkeys((*self.reopened, *begun.reopened))
        return Plan(
            number=self.number,
            dropped=dropped,
            removed=tuple(dict.fromkeys((*self.removed, *begun.removed))),
            reopened=tuple(each for each in reopened if each not in dropped),
            children={**begun.children, **self.children},
            asked=self.asked,
            start=self.start,
        )


def plan(  # noqa: PLR0913 - all but three of them keyword-only
    run: Run,
    program: Program,
    retry: Retry,
    *,
    holdings: Holdings,
    child: Callable[[Operation], Run | None],
    now: datetime,
) -> Plan:
    """Decide what goes and what stays.

    Args:
        run: The run, which has ended.
        program: Its operations.
        retry: What is asked for.
        holdings: Its other records.
        child: Reads the child run of an invoke.
        now: When it is done.

    Raises:
        StepNotFoundError: The step to start from is none of the run's.
        AmbiguousStepError: It is several.
        StepRefusedError: It goes on with a conversation that an earlier one began.
    """
    start = None
    if retry.start is not None:
        start = find_step(program, retry.start, session_id=run.session_id)
    again = program.from_on(start.operation_id) if start else frozenset()
    causes = causes_of(run, program, now=now) - again
    # What comes later begins anew; an agent whose own step failed goes on where it was.
    later = again.union(*(program.after(cause) for cause in causes))
    check_conversations(run, program, holdings, again=again, later=later)
    going_on = {each for each in causes - later if _goes_on(program.operations[each])}
    dropped = later | (causes - going_on)
    points = causes | ({start.operation_id} if start else set())
    around = {context.operation_id for point in points for context in program.around(point)}
    children = _awaited(program, going_on=going_on, dropped=dropped, child=child)
    reopened = (around | going_on | children.keys()) - dropped
    return Plan(
        number=run.retries + 1,
        dropped=tuple(each for each in reversed(list(program.operations)) if each in dropped),
        removed=tuple(_removed(holdings, dropped=dropped, forgotten=later)),
        reopened=tuple(each for each in program.operations if each in reopened),
        children=children,
        asked=retry.start,
        start=step_name(start) if start else None,
    )


def causes_of(run: Run, program: Program, *, now: datetime) -> frozenset[str]:
    """Name what has to be done otherwise for a run to end otherwise.

    Questions whose time has passed are asked again: nobody could answer them.
    """
    overdue = frozenset(
        operation.operation_id
        for operation in program.operations.values()
        if operation.type is OperationType.CALLBACK
        and operation.status is OperationStatus.STARTED
        and operation.due_at is not None
        and operation.due_at <= now
    )
    if run.status is not Status.FAILED or run.error is None:
        return overdue
    return overdue | program.causes(run.error.message)


def reopened(operation: Operation, *, child_retries: int | None = None) -> Operation:
    """Give an operation as it is when it goes on."""
    return replace(
        operation,
        status=OperationStatus.STARTED,
        payload=None,
        error=None,
        replay_children=False,
        ended_at=None,
        child_retries=operation.child_retries if child_retries is None else child_retries,
    )


def kept_artifacts(run: Run, dropped: Collection[str]) -> tuple[Artifact, ...]:
    """Give the files of a run that no dropped operation saved."""
    return tuple(each for each in run.artifacts if each.operation_id not in dropped)


def _goes_on(operation: Operation) -> bool:
    """Say whether an operation that failed keeps what it has: a context, or a child's run."""
    return operation.type in {OperationType.CONTEXT, OperationType.CHAINED_INVOKE}


def check_conversations(
    run: Run,
    program: Program,
    holdings: Holdings,
    *,
    again: Collection[str],
    later: Collection[str],
) -> None:
    """Refuse to cut a conversation in two.

    Args:
        run: The run.
        program: Its operations.
        holdings: Its other records.
        again: The operations that are done again because somebody asked for it.
        later: All that are begun anew.

    Raises:
        StepRefusedError: One of `again` goes on with a conversation that an earlier one began.
    """
    for agent, said_in in holdings.conversations.items():
        known = [program.operations[each] for each in program.operations if each in said_in]
        kept = [each for each in known if each.operation_id not in later]
        first = next((each for each in known if each.operation_id in again), None)
        if first is not None and kept:
            began = step_name(kept[0])
            why = f"goes on with the conversation of {agent!r} that {began!r} began: start there"
            raise StepRefusedError(run.session_id, step_name(first), why)


def _awaited(
    program: Program,
    *,
    going_on: Collection[str],
    dropped: Collection[str],
    child: Callable[[Operation], Run | None],
) -> dict[str, int]:
    """Say of invokes that go on how often their children must have been retried.

    A child that ended badly, by itself or with its parent, is taken up again as well: its own
    finished work is not repeated either. One that has completed since stays as it is.
    """
    wanted: dict[str, int] = {}
    for operation in program.operations.values():
        is_open = operation.status is OperationStatus.STARTED or operation.operation_id in going_on
        if operation.type is not OperationType.CHAINED_INVOKE or not is_open:
            continue
        run = None if operation.operation_id in dropped else child(operation)
        if run is not None and run.status.is_terminal and run.status is not Status.COMPLETED:
            wanted[operation.operation_id] = run.retries + 1
    return wanted


def _removed(
    holdings: Holdings, *, dropped: Collection[str], forgotten: Collection[str]
) -> Iterable[str]:
    for agent, said_in in holdings.conversations.items():
        if said_in and said_in <= set(forgotten):
            yield from holdings.agents[agent]
    for operation_id, key in holdings.callbacks.items():
        if operation_id in dropped:
            yield key
