"""Operations come after each other as the program says, whatever the clock said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.errors import AmbiguousStepError, StepNotFoundError
from runs.operations import Operation, OperationStatus, OperationType
from runs.program import Program
from runs.steps import find_step
from tests.support.again_runs import failed, op_id, step
from tests.support.journals import an_operation


def context(*place: int, sub_type: str = "RunInChildContext", parent: str | None = "") -> Operation:
    """Make a context; its parent follows from its place unless it is given."""
    given = {} if parent == "" else {"parent_id": parent}
    name = f"context {place}"
    return step(*place, name=name, type=OperationType.CONTEXT, sub_type=sub_type, **given)


def named(program: Program, ids: frozenset[str]) -> set[str | None]:
    return {program.operations[each].name for each in ids}


def test_what_was_recorded_first_does_not_decide() -> None:
    program = Program([step(n, name=f"s{n}") for n in (3, 1, 2)])

    assert [each.name for each in program.in_order()] == ["s1", "s2", "s3"]
    assert named(program, program.after(op_id(1))) == {"s2", "s3"}


def test_branches_do_not_come_after_each_other() -> None:
    inside = [step(1, branch, n, name=f"b{branch} s{n}") for branch in (0, 1) for n in (1, 2)]
    whole = [context(1, sub_type="Map"), context(1, 0), context(1, 1), step(2, name="end")]
    program = Program([*whole, *inside])

    assert named(program, program.from_on(op_id(1, 0, 2))) == {"b0 s2", "end"}


def test_branches_that_leave_no_record_are_told_apart() -> None:
    # In a flat map, a branch's operations have the map itself as their parent.
    inside = [
        step(1, branch, n, name=f"b{branch} s{n}", parent_id=op_id(1))
        for branch in range(40)
        for n in (1, 2)
    ]
    program = Program([context(1, sub_type="Map"), *reversed(inside), step(2, name="end")])

    assert named(program, program.from_on(op_id(1, 30, 1))) == {"b30 s1", "b30 s2", "end"}


def test_a_context_that_leaves_no_record_has_a_place_too() -> None:
    inside = [step(2, n, name=f"inner {n}", parent_id=None) for n in (1, 2)]
    program = Program([step(1, name="first"), step(3, name="last"), *inside])

    assert [each.name for each in program.in_order()] == ["first", "inner 1", "inner 2", "last"]
    assert named(program, program.after(op_id(2, 1))) == {"inner 2", "last"}


def test_ids_of_another_make_go_by_what_was_recorded_first() -> None:
    program = Program([an_operation(name, name=name) for name in ("b", "a", "c")])

    assert named(program, program.after("b")) == {"a", "c"}
    assert named(program, program.after("a")) == {"c"}


def test_thousands_of_operations_have_their_places() -> None:
    flat = [step(1, n, 1, name=f"b{n}", parent_id=op_id(1)) for n in range(2_000)]
    many = [context(1, sub_type="Map"), *flat, *(step(n, name=f"s{n}") for n in range(2, 2_000))]
    program = Program(many)

    assert len(program.after(op_id(1))) == 1_998
    assert len(program.from_on(op_id(1, 1_999, 1))) == 1_999


def test_the_last_that_failed_with_the_message_is_the_cause() -> None:
    program = Program([failed(1, name="first"), failed(2, name="second"), step(3, name="cleanup")])

    assert named(program, program.causes("it is broken")) == {"second"}


def test_a_failure_of_other_words_is_a_cause_only_at_the_end() -> None:
    borne = Program([failed(1, name="borne"), step(2, name="after")])
    last = Program([step(1, name="before"), failed(2, name="last")])

    assert borne.causes("in other words") == frozenset()
    assert named(last, last.causes("in other words")) == {"last"}


def test_where_a_context_failed_the_cause_is_what_failed_in_it() -> None:
    whole = failed(1, name="whole", type=OperationType.CONTEXT)
    program = Program([whole, step(1, 1, name="fine"), failed(1, 2, name="cause")])

    assert named(program, program.causes("it is broken")) == {"cause"}


def test_a_context_whose_own_code_failed_is_the_cause_itself() -> None:
    whole = failed(1, name="whole", type=OperationType.CONTEXT)
    program = Program([whole, step(1, 1, name="fine")])

    assert named(program, program.causes("it is broken")) == {"whole"}


@pytest.mark.parametrize(
    "status", [OperationStatus.FAILED, OperationStatus.TIMED_OUT, OperationStatus.STOPPED]
)
def test_whatever_ended_badly_can_be_a_cause(status: OperationStatus) -> None:
    program = Program([failed(1, name="it", status=status)])

    assert named(program, program.causes("it is broken")) == {"it"}


@given(st.permutations(range(1, 8)))
def test_everything_is_before_at_or_after(order: list[int]) -> None:
    program = Program([step(n, name=str(n)) for n in order])

    for n in order:
        assert named(program, program.from_on(op_id(n))) == {str(m) for m in range(n, 8)}


def test_a_step_is_found_by_name_id_or_the_beginning_of_it() -> None:
    program = Program([step(1, name="load"), step(2, name="report")])

    for given_name in ("report", op_id(2), op_id(2)[:6]):
        assert find_step(program, given_name, session_id="s").name == "report"


def test_too_little_of_an_id_is_none() -> None:
    program = Program([step(1, name="load")])

    with pytest.raises(StepNotFoundError, match=r"has no step .*; it has: load"):
        find_step(program, op_id(1)[:5], session_id="s")


def test_steps_of_one_name_are_told_with_what_they_are_in() -> None:
    inside = [failed(1, n, 1, name="work") for n in (0, 1)]
    program = Program([context(1, sub_type="Map"), context(1, 0), context(1, 1), *inside])

    with pytest.raises(AmbiguousStepError) as told:
        find_step(program, "work", session_id="s")

    assert told.value.candidates == (
        f"{op_id(1, 0, 1)[:12]}  work, in context (1, 0) in context (1,), FAILED",
        f"{op_id(1, 1, 1)[:12]}  work, in context (1, 1) in context (1,), FAILED",
    )


def test_a_run_that_has_done_nothing_says_so() -> None:
    with pytest.raises(StepNotFoundError, match="it has done none yet"):
        find_step(Program([]), "load", session_id="s")
