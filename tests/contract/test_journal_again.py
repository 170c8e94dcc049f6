"""A run that ended is taken up again, or forked, in several writes: each may be the last one."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from runs.again import Retry
from runs.budget import Budget
from runs.errors import (
    AmbiguousStepError,
    ForkRefusedError,
    InvalidRequestError,
    RetryRefusedError,
    StepNotFoundError,
    StepRefusedError,
)
from runs.events import EventType
from runs.forking import Fork
from runs.ids import new_session_id
from runs.journal import again
from runs.journal.base import (
    Accepted,
    AgentRecord,
    Changes,
    Journal,
    Message,
    ToolEntry,
    ToolStatus,
)
from runs.lifecycle import Ending
from runs.operations import Operation, OperationType
from runs.run import Artifact, Run, Status, Usage
from tests.support.again_runs import FAILED, failed, op_id, step
from tests.support.journals import NOW, JournalStore, accept, claim, later

#: More than one transaction of a table takes.
MANY = 130


def said(agent: str, index: int, operation: Operation) -> Message:
    return Message(agent=agent, index=index, body={"n": index}, operation_id=operation.operation_id)


def called(agent: str) -> ToolEntry:
    return ToolEntry(
        tool_use_id=f"{agent}-0-0",
        agent=agent,
        tool="look",
        status=ToolStatus.DONE,
        attempt=1,
        result={"a": 1},
        started_at=NOW,
        ended_at=NOW,
    )


def saved(name: str, operation: Operation) -> Artifact:
    return Artifact(
        name=name,
        uri=f"file:///{name}",
        media_type="text/plain",
        size=1,
        sha256="0" * 64,
        key=f"runs/x/{name}",
        operation_id=operation.operation_id,
    )


LOAD = step(1, name="load", payload='{"t":"m","v":{"rows":{"t":"i","v":3}}}')
ANALYST = step(2, name="analyst", payload='"fine"')
REPORT = failed(3, name="report")


def a_failed_run(journal: Journal) -> Run:
    """Make a run whose third step failed; an agent spoke in the second and in the third."""
    lease = claim(journal, accept(journal).session_id).lease
    for operation, agent in ((LOAD, None), (ANALYST, "analyst"), (REPORT, "writer")):
        journal.commit(
            lease,
            Changes(
                operations=[operation],
                messages=[said(agent, n, operation) for n in range(2)] if agent else [],
                agents=[AgentRecord(agent=agent, body={"a": agent})] if agent else [],
                tools=[called(agent)] if agent else [],
                artifacts=[saved(f"{operation.name}.txt", operation)],
                spent=Usage(model_calls=1, input_tokens=10),
            ),
            now=NOW,
        )
    return journal.settle(lease, FAILED, now=later(10))


def ids(journal: Journal, session_id: str) -> list[str]:
    return [operation.operation_id for operation in journal.operations(session_id)]


def retry(journal: Journal, run: Run, **asked: Any) -> Run:  # noqa: ANN401 - any field of a retry
    return journal.retry(run.session_id, Retry(by="ops", **asked), now=later(20))


def fork(journal: Journal, run: Run, **asked: Any) -> Run:  # noqa: ANN401 - any field of a fork
    given = {"session_id": new_session_id(), "at": "report", "source": "cli"}
    return journal.fork(run.session_id, Fork(**given | asked), now=later(20)).run


def test_what_failed_goes_and_what_its_agent_said_stays(journal: Journal) -> None:
    run = a_failed_run(journal)

    queued = retry(journal, run)

    assert ids(journal, run.session_id) == [LOAD.operation_id, ANALYST.operation_id]
    assert len(journal.messages(run.session_id, "writer")) == 2
    assert journal.tool(run.session_id, "writer-0-0") == called("writer")
    assert queued == journal.get(run.session_id)
    assert (queued.status, queued.retries, queued.wake_at) == (Status.QUEUED, 1, later(20))


def test_a_step_takes_what_belongs_to_it_with_it(journal: Journal) -> None:
    run = a_failed_run(journal)

    queued = retry(journal, run, start="analyst")

    assert ids(journal, run.session_id) == [LOAD.operation_id]
    for agent in ("analyst", "writer"):
        assert journal.messages(run.session_id, agent) == []
        assert journal.agent(run.session_id, agent) is None
        assert journal.tool(run.session_id, f"{agent}-0-0") is None
    assert [artifact.name for artifact in queued.artifacts] == ["load.txt"]


def test_what_was_paid_and_what_happened_stays(journal: Journal) -> None:
    run = a_failed_run(journal)
    before = journal.events(run.session_id)

    queued = retry(journal, run, start="load")

    after = journal.events(run.session_id)
    assert queued.usage == run.usage
    assert after[:-1] == before
    assert after[-1].event.type is EventType.RUN_RETRIED
    assert after[-1].event.details["By"] == "ops"
    assert after[-1].event.details["From"] == "load"


def test_a_retried_run_can_be_claimed_and_ended(journal: Journal) -> None:
    run = retry(journal, a_failed_run(journal))

    claimed = claim(journal, run.session_id, now=later(21))
    ended = journal.settle(claimed.lease, Ending(status=Status.COMPLETED, result=1), now=later(22))

    assert claimed.lease.attempt == 2
    assert ended.status is Status.COMPLETED


def test_new_limits_take_the_place_of_the_old_ones(journal: Journal) -> None:
    lease = claim(journal, accept(journal, budget=Budget(max_tokens=10)).session_id).lease
    journal.commit(lease, Changes(spent=Usage(input_tokens=10)), now=NOW)
    run = journal.settle(lease, FAILED, now=later(10))
    with pytest.raises(RetryRefusedError, match="max_tokens is 10, used is 10; give it a higher"):
        retry(journal, run)

    queued = retry(journal, run, budget=Budget(max_tokens=20), deadline_seconds=60)

    assert queued.budget == Budget(max_tokens=20)
    assert queued.deadline_at == later(80)


class DiedError(Exception):
    """The process that wrote is gone."""


@contextmanager
def dying_after(writes: int, journal: Any) -> Iterator[None]:  # noqa: ANN401 - its insides are looked at
    """Let a journal make so many transactions, and then no more."""
    left = iter(range(writes))
    part, name = (journal._table, "write") if hasattr(journal, "_table") else (journal, "_writing")
    write = getattr(part, name)

    def counted(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever a write takes and gives
        if next(left, None) is None:
            raise DiedError
        return write(*args, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part, name, counted)
        yield


def a_large_run(journal: Journal, branches: int = MANY) -> Run:
    """Make a run with more branches, of a map, than one write removes; all have failed."""
    lease = claim(journal, accept(journal).session_id).lease
    context = {"type": OperationType.CONTEXT, "attempt": 0}
    iteration = context | {"sub_type": "MapIteration"}
    contexts = [failed(1, n, name=f"branch-{n}", **iteration) for n in range(branches)]
    steps = [failed(1, n, 1, name="work") for n in range(branches)]
    whole = failed(1, name="all", **context | {"sub_type": "Map"})
    operations = [whole, *contexts, *steps]
    for start in range(0, len(operations), 90):
        page = operations[start : start + 90]
        journal.commit(lease, Changes(operations=page), now=NOW)
    return journal.settle(lease, FAILED, now=later(10))


@pytest.mark.parametrize("make", [a_failed_run, partial(a_large_run, branches=4)])
def test_a_retry_that_dies_anywhere_is_finished_by_repeating_it(
    journal: Journal, make: Callable[[Journal], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "PAGE", 3)
    undisturbed = make(journal)
    retry(journal, undisturbed)
    deaths = 0

    for writes in range(20):
        run = make(journal)
        try:
            with dying_after(writes, journal):
                retry(journal, run)
        except DiedError:
            deaths += 1
            assert head(journal, run.session_id).status is Status.FAILED
        retry(journal, run)
        assert ids(journal, run.session_id) == ids(journal, undisturbed.session_id)
        assert head(journal, run.session_id).retries == 1
        if deaths == writes:
            break

    assert deaths > 1


def test_a_retry_that_died_is_finished_by_one_that_asks_for_more(journal: Journal) -> None:
    run = a_failed_run(journal)
    with pytest.raises(DiedError), dying_after(2, journal):
        retry(journal, run)

    retry(journal, run, start="analyst")

    assert ids(journal, run.session_id) == [LOAD.operation_id]


def test_a_retry_that_died_does_all_it_was_asked_for(journal: Journal) -> None:
    run = a_failed_run(journal)
    with pytest.raises(DiedError), dying_after(2, journal):
        retry(journal, run, start="analyst")

    retry(journal, run, start="analyst")

    assert ids(journal, run.session_id) == [LOAD.operation_id]
    assert journal.messages(run.session_id, "analyst") == []


def test_a_retry_under_way_is_come_back_to(journal: Journal) -> None:
    run = a_failed_run(journal)
    queued = retry(journal, run, start=ANALYST.operation_id)

    assert retry(journal, run, start=ANALYST.operation_id) == queued
    assert retry(journal, run, start="analyst") == queued
    assert retry(journal, run) == queued


def test_a_retry_under_way_does_not_begin_at_another_step(journal: Journal) -> None:
    run = a_failed_run(journal)
    retry(journal, run)

    with pytest.raises(
        RetryRefusedError,
        match="it is QUEUED: retry 1 was begun without a step to start from; cancel it first",
    ):
        retry(journal, run, start="load")


def test_of_operators_who_retry_at_once_one_does(store: JournalStore) -> None:
    run = a_failed_run(store.journal())
    journals = [store.journal() for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda each: _tried(each, run), journals))

    told = [each.event.type for each in journals[0].events(run.session_id)]
    assert told.count(EventType.RUN_RETRIED) == 1
    assert head(journals[0], run.session_id).retries == 1
    assert any(answer is None for answer in answers)


def _tried(journal: Journal, run: Run) -> RetryRefusedError | None:
    try:
        retry(journal, run)
    except RetryRefusedError as error:
        return error
    return None


def test_a_step_that_is_none_is_refused_with_those_there_are(journal: Journal) -> None:
    run = a_failed_run(journal)

    with pytest.raises(StepNotFoundError, match="has no step 'raport'; it has: load, analyst, rep"):
        retry(journal, run, start="raport")


def test_a_name_of_several_steps_is_refused_with_their_ids(journal: Journal) -> None:
    run = a_large_run(journal)

    with pytest.raises(AmbiguousStepError, match=r"'work' is 130 steps .*\n  \w{12}  work, in br"):
        retry(journal, run, start="work")


def test_a_step_can_be_named_by_the_beginning_of_its_id(journal: Journal) -> None:
    run = a_large_run(journal)

    retry(journal, run, start=op_id(1, 7, 1)[:12])

    assert op_id(1, 7, 1) not in ids(journal, run.session_id)


def test_a_conversation_is_not_cut_in_two(journal: Journal) -> None:
    lease = claim(journal, accept(journal).session_id).lease
    first, second = step(1, name="turn 1"), failed(2, name="turn 2")
    messages = [said("writer", 0, first), said("writer", 1, second)]
    journal.commit(lease, Changes(operations=[first, second], messages=messages), now=NOW)
    run = journal.settle(lease, FAILED, now=later(10))

    with pytest.raises(
        StepRefusedError, match=r"'turn 2'.* goes on .*'writer' that 'turn 1' began"
    ):
        retry(journal, run, start="turn 2")


def test_a_fork_begins_with_what_was_finished_before_its_step(journal: Journal) -> None:
    run = a_failed_run(journal)

    made = fork(journal, run, at="report")

    assert journal.operations(made.session_id) == [LOAD, ANALYST]
    assert journal.messages(made.session_id, "analyst") == journal.messages(
        run.session_id, "analyst"
    )
    assert journal.messages(made.session_id, "writer") == []
    assert journal.tool(made.session_id, "analyst-0-0") == called("analyst")
    assert [artifact.name for artifact in made.artifacts] == ["analyst.txt", "load.txt"]


def test_a_fork_is_a_run_of_its_own(journal: Journal) -> None:
    run = a_failed_run(journal)

    made = fork(journal, run, prompt="And now?", input="other.csv")

    assert made == head(journal, made.session_id)
    assert (made.status, made.attempt, made.usage) == (Status.QUEUED, 0, Usage())
    assert (made.prompt, made.input, made.workflow) == ("And now?", "other.csv", run.workflow)
    assert made.forked_from is not None
    assert made.forked_from.session_id == run.session_id
    assert made.forked_from.edited == ("prompt", "input")
    assert head(journal, run.session_id) == run
    (event,) = journal.events(made.session_id)
    assert event.event.details["ForkedFrom"]["Step"] == "report"  # type: ignore[call-overload,index]


def test_a_fork_of_a_fork_knows_both(journal: Journal) -> None:
    run = a_failed_run(journal)
    first = fork(journal, run)
    journal.cancel(first.session_id, now=later(30), reason="no")

    second = fork(journal, first, at="analyst")

    assert second.forked_from is not None
    assert second.forked_from.sessions == (first.session_id, run.session_id)


def test_a_completed_run_can_be_forked_and_not_retried(journal: Journal) -> None:
    lease = claim(journal, accept(journal).session_id).lease
    journal.commit(lease, Changes(operations=[LOAD, ANALYST]), now=NOW)
    run = journal.settle(lease, Ending(status=Status.COMPLETED, result=1), now=later(10))

    with pytest.raises(RetryRefusedError, match="make a fork of it"):
        retry(journal, run)
    assert journal.operations(fork(journal, run, at="analyst").session_id) == [LOAD]


def test_an_open_run_is_not_forked(journal: Journal) -> None:
    run = accept(journal)

    with pytest.raises(
        ForkRefusedError, match="it is QUEUED, and its checkpoints may still change"
    ):
        fork(journal, run)


def test_an_earlier_step_can_be_made_to_have_come_to_something_else(journal: Journal) -> None:
    run = a_failed_run(journal)

    made = fork(journal, run, results={"load": '{"rows": 4}'})

    edited = journal.operation(made.session_id, LOAD.operation_id)
    assert edited == replace(LOAD, payload='{"t":"m","v":{"rows":{"t":"i","v":4}}}')
    assert journal.operation(run.session_id, LOAD.operation_id) == LOAD


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ({"load": "{rows"}, "load: is not JSON"),
        ({"report": "1"}, "report: is done anew, as it comes with or after 'report'"),
    ],
)
def test_a_result_that_can_t_be_is_refused(
    journal: Journal, results: dict[str, str], message: str
) -> None:
    run = a_failed_run(journal)

    with pytest.raises(InvalidRequestError, match=message):
        fork(journal, run, results=results)


def test_a_fork_that_dies_anywhere_is_made_by_repeating_it(journal: Journal) -> None:
    run = a_large_run(journal)
    whole = ids(journal, fork(journal, run, at="branch-0").session_id)
    deaths = 0

    for writes in range(20):
        session_id = new_session_id()
        try:
            with dying_after(writes, journal):
                fork(journal, run, at="branch-0", session_id=session_id)
        except DiedError:
            deaths += 1
            assert journal.get(session_id) is None
        fork(journal, run, at="branch-0", session_id=session_id)
        assert ids(journal, session_id) == whole
        if deaths == writes:
            break

    assert deaths > 0


def test_what_a_fork_that_died_has_left_is_not_the_next_one_s(journal: Journal) -> None:
    run = a_failed_run(journal)
    session_id = new_session_id()
    with suppress(DiedError), dying_after(1, journal):
        fork(journal, run, at="report", session_id=session_id)
    # One transaction is all that a file needs: there it is made.
    is_made = journal.get(session_id) is not None

    fork(journal, run, at="report" if is_made else "analyst", session_id=session_id)

    kept = [LOAD.operation_id, ANALYST.operation_id]
    assert ids(journal, session_id) == (kept if is_made else kept[:1])


def test_of_forks_at_once_none_takes_from_the_other(
    store: JournalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, other = store.journal(), store.journal()
    run, session_id = a_failed_run(journal), new_session_id()
    accept = journal.accept

    def accept_late(made: Run) -> Accepted:
        # All but the head is there: the other one begins, and dies.
        with suppress(DiedError), dying_after(1, other):
            fork(other, run, session_id=session_id)
        return accept(made)

    monkeypatch.setattr(journal, "accept", accept_late)

    fork(journal, run, session_id=session_id)

    assert ids(journal, session_id) == [LOAD.operation_id, ANALYST.operation_id]


def test_a_fork_repeated_is_the_same_fork(journal: Journal) -> None:
    run = a_failed_run(journal)
    first = fork(journal, run)

    again = fork(journal, run, session_id=first.session_id)

    assert again == first
    assert fork(journal, run, session_id=first.session_id, at=REPORT.operation_id[:8]) == first


@pytest.mark.parametrize(
    "asked", [{"at": "analyst"}, {"prompt": "Another."}, {"input": "other.csv"}]
)
def test_a_fork_of_the_same_id_is_not_another_fork(journal: Journal, asked: dict[str, str]) -> None:
    run = a_failed_run(journal)
    first = fork(journal, run)

    with pytest.raises(ForkRefusedError, match="is another fork of it, at 'report'"):
        fork(journal, run, session_id=first.session_id, **asked)


def test_the_id_of_another_run_is_refused(journal: Journal) -> None:
    run, other = a_failed_run(journal), accept(journal)

    with pytest.raises(ForkRefusedError, match="is another run"):
        fork(journal, run, session_id=other.session_id)


def test_a_run_whose_retry_was_begun_is_not_forked(journal: Journal) -> None:
    run = a_failed_run(journal)
    with pytest.raises(DiedError), dying_after(1, journal):
        retry(journal, run)

    with pytest.raises(ForkRefusedError, match="a retry of it was begun and is not done"):
        fork(journal, run)


def test_large_results_are_shared_by_their_hash(journal: Journal) -> None:
    lease = claim(journal, accept(journal).session_id).lease
    large = step(1, name="large", payload=f'"{"x" * 200_000}"')
    journal.commit(lease, Changes(operations=[large, failed(2, name="report")]), now=NOW)
    run = journal.settle(lease, FAILED, now=later(10))

    made = fork(journal, run)

    assert journal.operations(made.session_id) == [large]


def head(journal: Journal, session_id: str) -> Run:
    run = journal.get(session_id)
    assert run is not None
    return run
