"""A rehearsal says what a replay would come to, and does nothing."""

from typing import Any

import pytest
from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import Duration

from agent.models.select import ModelChoice, Provider
from agent.rehearsal import Finding, Stage, Verdict
from agent.services import attempt_of
from runs.journal.base import Recorded
from runs.operations import Operation
from runs.run import Progress, Run, Status
from tests.support import versions as v
from tests.support.engine import Engine, StillClock
from tests.support.version_pairs import COMPATIBLE, DIFFERENCES, answer, under
from tests.support.workflows import note, noted


def rehearse(engine: Engine) -> Finding:
    model = ModelChoice(provider=Provider.OFFLINE)
    stage = Stage(journal=engine.journal, registry=engine.registry, model=model, clock=engine.clock)
    return stage.rehearse(engine.head())


def recorded(engine: Engine) -> tuple[Run, list[Operation], list[Recorded]]:
    journal = engine.journal
    return engine.head(), journal.operations("run-1"), journal.events("run-1")


def begun(engine: Engine, handler: Any) -> None:  # noqa: ANN401 - a handler
    """Begin a run, until it asks."""
    assert isinstance(engine.clock, StillClock)
    under(engine, handler, "1")
    engine.execute("changing")
    for _ in range(4):
        engine.clock.advance(60)
        engine.look()


@pytest.mark.parametrize("kind", DIFFERENCES)
def test_what_a_replay_would_end_with_is_found_and_nothing_is_recorded(
    still: Engine, kind: str
) -> None:
    before, after, what, instead = DIFFERENCES[kind]
    begun(still, before)
    answer(still.journal, "run-1", now=still.clock())
    as_it_was = recorded(still)
    under(still, after, "2")

    finding = rehearse(still)

    assert finding.verdict is Verdict.DIFFERS
    assert finding.words.startswith(f"{what} (id ")
    assert finding.words.endswith(f", by attempt 1, version 1), and the code, version 2, {instead}")
    assert finding.difference is not None
    assert recorded(still) == as_it_was


@pytest.mark.parametrize("kind", COMPATIBLE)
def test_a_run_that_would_go_on_is_found_so_and_nothing_is_recorded(
    still: Engine, kind: str
) -> None:
    before, after, _ = COMPATIBLE[kind]
    begun(still, before)
    answer(still.journal, "run-1", now=still.clock())
    as_it_was = recorded(still)
    under(still, after, "2")

    finding = rehearse(still)

    assert (finding.verdict, finding.difference) == (Verdict.OK, None)
    assert recorded(still) == as_it_was


@durable_execution
def _everything(event: dict[str, Any], context: DurableContext) -> str:
    attempt_of(context).report(Progress(step="first", done=0, total=2))
    attempt_of(context).save("notes.txt", b"notes", media_type="text/plain")
    context.step(lambda _: note(event, "first"), name="first")
    context.wait(Duration.from_seconds(60), name="pause")
    context.step(lambda _: note(event, "second"), name="second")
    return "done"


def test_no_step_is_entered_and_nothing_is_stored(still: Engine, clock: StillClock) -> None:
    under(still, _everything, "1")
    still.accept("changing")

    finding = rehearse(still)

    assert finding.words == "stands before step 'first'"
    assert noted(still.notes) == []
    assert not (still.folder / "artifacts").exists()
    assert still.head().status is Status.QUEUED


def test_a_run_stands_where_the_first_thing_is_not_finished(
    still: Engine, clock: StillClock
) -> None:
    under(still, _everything, "1")
    still.execute("changing")

    waiting = rehearse(still)
    clock.advance(60)
    still.look()

    assert waiting.words == "stands at wait 'pause'"
    assert rehearse(still).words == "comes to its end"
    assert noted(still.notes) == ["first", "second"]


def test_a_run_that_waits_for_an_answer_stands_at_its_question(still: Engine) -> None:
    begun(still, v.stepped("load"))

    assert rehearse(still).words == "stands at callback 'approve'"


def test_a_finished_run_is_rehearsed_to_its_end(still: Engine) -> None:
    begun(still, v.stepped("load"))
    answer(still.journal, "run-1", now=still.clock())
    still.look()
    assert still.head().status is Status.COMPLETED

    assert rehearse(still).words == "comes to its end"
    under(still, v.stepped("load", then="later"), "2")
    assert rehearse(still).verdict is Verdict.DIFFERS


def test_a_finished_run_that_failed_comes_to_the_same_end(still: Engine) -> None:
    under(still, v.raising("no such bill"), "1")
    still.execute("changing")

    finding = rehearse(still)

    assert finding.verdict is Verdict.OK
    assert finding.words == "comes to its end, which is ValueError: no such bill"


def test_a_workflow_that_would_raise_before_what_is_recorded_is_found(still: Engine) -> None:
    begun(still, v.stepped("load"))
    under(still, v.raising("no such bill"), "2")

    finding = rehearse(still)

    assert finding.verdict is Verdict.DIFFERS
    assert finding.words.endswith("raises ValueError: no such bill, without asking for it")


def test_a_run_of_a_workflow_that_is_gone_can_not_be_checked(still: Engine) -> None:
    still.accept("gone")

    finding = rehearse(still)

    assert finding.verdict is Verdict.UNCHECKED
    assert "'gone'" in finding.words
    assert finding.version is None


@durable_execution
def _exits(_event: dict[str, Any], _context: DurableContext) -> None:
    raise SystemExit(3)


def test_a_workflow_that_exits_does_not_end_the_check(still: Engine) -> None:
    under(still, _exits, "1")
    still.accept("changing")

    finding = rehearse(still)

    assert (finding.verdict, finding.words) == (Verdict.UNCHECKED, "raises SystemExit: 3")


@durable_execution
def _cancels(_event: dict[str, Any], context: DurableContext) -> None:
    attempt = attempt_of(context)
    attempt.journal.cancel(attempt.session_id, now=attempt.clock(), reason="no")


@pytest.mark.parametrize("is_begun", [False, True], ids=["queued", "begun"])
def test_code_that_would_write_by_another_way_is_kept_from_it(
    still: Engine, *, is_begun: bool
) -> None:
    under(still, v.stepped("load"), "1")
    (still.execute if is_begun else still.accept)("changing")
    before = still.head()
    under(still, _cancels, "2")

    finding = rehearse(still)

    assert finding.verdict is Verdict.UNCHECKED
    assert finding.words == "a rehearsal writes nothing, and the code asks the journal to cancel"
    assert still.head() == before
