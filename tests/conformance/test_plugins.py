"""Plugins see invocations, operations and tries as the service's requirements 10-1 to 10-23 say."""

from collections.abc import Callable
from typing import Any

import pytest
from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import ParallelBranch, ParallelConfig

from agent.registry import Registry
from runs.run import Run
from tests.conformance.doing import ONCE, Value, failing, failing_until, retried, seconds, value
from tests.support.conformance import Reply, Work, carry_on
from tests.support.engine import Engine
from tests.support.plugins import Observer

Played = Callable[..., tuple[Run, Observer]]


@pytest.fixture
def played(engine: Engine) -> Played:
    """Run a workflow that a plugin observes, or several plugins, to its end."""

    def play(work: Work, *others: Observer, ends: str = "SUCCEEDED", **given: Any) -> Any:  # noqa: ANN401 - as annotated
        observer = Observer()

        def handler(event: Any, context: DurableContext) -> Any:  # noqa: ANN401 - the SDK's
            return work(event["prompt"], context)

        observed: Value = durable_execution(handler, plugins=[*others, observer])
        engine.registry = Registry({"tested": observed})
        engine.accept("tested", "Ann")
        run = carry_on(engine, list(given.get("replies", ())), ends=ends)
        return run, observer

    return play


def greet(given: str, context: DurableContext) -> Value:
    return context.step(value(f"Hello, {given}!"), name="greet")


def flaky(_given: str, context: DurableContext) -> Value:
    context.step(value("first"), name="first")
    return context.step(failing_until(2, "ok"), name="flaky", config=retried(3))


def pausing(given: str, context: DurableContext) -> str:
    context.wait(seconds(2), name="pause")
    return f"done-{given}"


def states(infos: list[Any]) -> list[tuple[str | None, str]]:
    return [(info.name, info.status.value) for info in infos]


def test_10_1_an_invocation_is_told_when_it_begins_and_when_it_ends(played: Played) -> None:
    _, observer = played(greet)

    (began,), (ended,) = observer.of("invocation_start"), observer.of("invocation_end")
    assert observer.told[0].info is began
    assert observer.told[-1].info is ended
    assert began.execution_arn.endswith("/run-1/run-1")
    assert (began.is_first_invocation, ended.status.value) == (True, "SUCCEEDED")


def test_10_2_an_operation_is_told_when_it_begins_and_when_it_ends(played: Played) -> None:
    _, observer = played(greet)

    assert observer.order("STEP") == [
        "operation_start",
        "user_function_start",
        "user_function_end",
        "operation_end",
    ]


def test_10_3_each_try_is_told_with_its_number_and_its_outcome(played: Played) -> None:
    _, observer = played(flaky)

    began = [info.attempt for info in observer.of("user_function_start") if info.name == "flaky"]
    ended = [
        (info.attempt, info.outcome.name)
        for info in observer.of("user_function_end")
        if info.name == "flaky"
    ]
    assert began == [1, 2]
    assert ended == [(1, "FAILED"), (2, "SUCCEEDED")]


def test_10_4_a_plugin_that_fails_does_not_fail_the_run(played: Played) -> None:
    run, _ = played(greet, Observer(is_faulty=True))

    assert run.result == "Hello, Ann!"


def test_10_5_all_plugins_are_told(played: Played) -> None:
    first, second = Observer(), Observer()

    _, third = played(greet, first, second)

    assert [len(observer.told) for observer in (first, second)] == [len(third.told)] * 2


def test_10_6_only_the_first_invocation_is_the_first(played: Played) -> None:
    _, observer = played(pausing)

    assert [info.is_first_invocation for info in observer.of("invocation_start")] == [True, False]


def test_10_7_the_end_of_a_run_that_fails_is_told_as_a_failure(played: Played) -> None:
    _, observer = played(
        lambda _, context: context.step(failing("broken"), config=ONCE), ends="FAILED"
    )

    (ended,) = observer.of("invocation_end")
    assert (ended.status.value, ended.error.message) == ("FAILED", "broken")


def test_10_8_changes_are_told_with_all_there_is(played: Played) -> None:
    _, observer = played(greet)

    changed = [info for info in observer.of("operation_change") if info.updated_operations]
    last = changed[-1]
    (step,) = last.updated_operations.values()
    assert (step.name, step.status.value) == ("greet", "SUCCEEDED")
    assert step.operation_id in last.operations


def test_10_9_a_wait_that_ended_meanwhile_is_news_to_the_next_invocation(played: Played) -> None:
    _, observer = played(pausing)

    first, second = observer.of("invocation_start")
    assert list(first.updated_operations) == []
    assert [info.name for info in second.updated_operations.values()] == ["pause"]
    assert states(observer.of("operation_end", "WAIT")) == [("pause", "SUCCEEDED")]


def test_10_9_an_answer_that_came_meanwhile_is_news_to_the_next_invocation(
    played: Played,
) -> None:
    _, observer = played(
        lambda _, context: context.create_callback(name="ask").result(),
        replies=[Reply(result="yes")],
    )

    _, second = observer.of("invocation_start")
    assert [info.name for info in second.updated_operations.values()] == ["ask"]
    (ended,) = observer.of("operation_end", "CALLBACK")
    assert (ended.status.value, ended.result, ended.is_replayed) == ("SUCCEEDED", "yes", False)


def test_10_10_waits_are_told_like_other_operations(played: Played) -> None:
    _, observer = played(pausing)

    assert observer.order("WAIT") == ["operation_start", "operation_end"]


def test_10_11_a_step_of_a_context_names_it_as_its_parent(played: Played) -> None:
    _, observer = played(
        lambda given, context: context.run_in_child_context(
            lambda child: greet(given, child), name="group"
        )
    )

    (group,) = observer.of("operation_start", "CONTEXT")
    (step,) = observer.of("operation_start", "STEP")
    assert (group.parent_id, step.parent_id) == (None, group.operation_id)


def test_10_12_each_branch_s_function_is_told_with_its_parent(
    played: Played, engine: Engine
) -> None:
    _, observer = played(
        lambda _, context: context.parallel(
            [value("task-1"), value("task-2")],
            name="parallel",
            config=ParallelConfig(max_concurrency=1),
        ).get_results()
    )

    parallel, *branches = engine.journal.operations("run-1")
    ended = [info for info in observer.of("user_function_end") if info.sub_type == "ParallelBranch"]
    assert [(info.operation_id, info.parent_id) for info in ended] == [
        (branch.operation_id, parallel.operation_id) for branch in branches
    ]
    assert {info.outcome.name for info in ended} == {"SUCCEEDED"}


def test_10_13_what_has_not_ended_is_told_again_as_replayed_and_nothing_else(
    played: Played,
) -> None:
    _, observer = played(flaky)

    began = [(info.name, info.is_replayed) for info in observer.of("operation_start", "STEP")]
    assert began[:2] == [("first", False), ("flaky", False)]
    assert ("flaky", True) in began
    assert ("first", True) not in began
    assert states(observer.of("operation_end", "STEP")) == [
        ("first", "SUCCEEDED"),
        ("flaky", "SUCCEEDED"),
    ]


def test_10_14_the_end_of_an_operation_is_told_with_its_result_or_its_error(
    played: Played,
) -> None:
    def work(given: str, context: DurableContext) -> str:
        greet(given, context)
        try:
            context.step(failing("broken"), name="break", config=ONCE)
        except Exception:  # noqa: BLE001 - what is tried out
            return "caught"
        return "not reached"

    _, observer = played(work)

    greeted, broke = observer.of("operation_end", "STEP")
    assert (greeted.result, greeted.error) == ('"Hello, Ann!"', None)
    assert (broke.result, broke.error.message, broke.error.type) == (None, "broken", "ValueError")


def test_10_15_every_try_is_told_until_there_is_none_left(played: Played) -> None:
    _, observer = played(
        lambda _, context: context.step(failing(), name="break", config=retried(3)), ends="FAILED"
    )

    assert [info.attempt for info in observer.of("user_function_end", "STEP")] == [1, 2, 3]
    assert states(observer.of("operation_end", "STEP")) == [("break", "FAILED")]


def test_10_16_each_invocation_is_told_to_end_and_the_last_one_for_good(played: Played) -> None:
    _, observer = played(pausing)

    ended = [info.status.value for info in observer.of("invocation_end")]
    assert ended == ["PENDING", "SUCCEEDED"]


def test_10_17_a_plugin_that_fails_keeps_nothing_from_another(played: Played) -> None:
    faulty = Observer(is_faulty=True)

    run, healthy = played(greet, faulty)

    assert run.result == "Hello, Ann!"
    assert [told.hook for told in healthy.told] == [told.hook for told in faulty.told]


def test_10_18_a_wait_that_goes_on_is_told_again_as_replayed(played: Played) -> None:
    def branch(wait: int, name: str) -> Value:
        def work(child: DurableContext) -> str:
            child.wait(seconds(wait), name=name)
            return f"{name}-done"

        return work

    run, observer = played(
        lambda _, context: context.parallel(
            [branch(2, "short"), branch(8, "long")], name="waits"
        ).get_results()
    )

    assert run.result == ["short-done", "long-done"]
    began = observer.of("operation_start", "WAIT")
    first, replayed = began[:2], began[2:]
    assert {(info.name, info.is_replayed) for info in first} == {("short", False), ("long", False)}
    assert {(info.name, info.is_replayed, info.status.value) for info in replayed} == {
        ("long", True, "STARTED")
    }
    assert sorted(states(observer.of("operation_end", "WAIT"))) == [
        ("long", "SUCCEEDED"),
        ("short", "SUCCEEDED"),
    ]


def test_10_19_an_invocation_is_told_with_all_its_facts(played: Played) -> None:
    run, observer = played(pausing)

    assert run.result == "done-Ann"
    for info in (*observer.of("invocation_start"), *observer.of("invocation_end")):
        assert info.request_id
        assert info.operations
        assert info.execution_start_time is not None
    first, last = observer.of("invocation_end")
    assert (first.is_first_invocation, last.is_first_invocation) == (True, False)
    assert (first.error, last.error, last.execution_result) == (None, None, '"done-Ann"')


def test_10_20_an_operation_is_told_with_all_its_facts(played: Played, engine: Engine) -> None:
    _, observer = played(greet)

    (step,) = engine.journal.operations("run-1")
    (ended,) = observer.of("operation_end", "STEP")
    assert (ended.operation_id, ended.name, ended.sub_type) == (step.operation_id, "greet", "Step")
    assert (ended.attempt, ended.is_replayed, ended.error) == (1, False, None)
    assert (ended.start_time, ended.end_time) == (step.started_at, step.ended_at)


def test_10_21_a_try_is_told_with_all_its_facts(played: Played) -> None:
    _, observer = played(flaky)

    failed = next(info for info in observer.of("user_function_end") if info.name == "flaky")
    assert (failed.operation_type.value, failed.attempt) == ("STEP", 1)
    assert (failed.outcome.name, failed.error.message) == ("FAILED", "try 1")
    assert failed.start_time <= failed.end_time


def test_10_22_what_changed_is_told_with_all_its_facts(played: Played, engine: Engine) -> None:
    _, observer = played(greet)

    (step,) = engine.journal.operations("run-1")
    last = [info for info in observer.of("operation_change") if info.updated_operations][-1]
    told = last.updated_operations[step.operation_id]
    assert (told.name, told.status.value, told.attempt) == ("greet", "SUCCEEDED", 1)
    assert (told.start_time, told.end_time) == (step.started_at, step.ended_at)


def test_10_23_a_context_is_told_with_its_sub_type_and_whether_its_children_replay(
    played: Played,
) -> None:
    def first(child: DurableContext) -> str:
        child.step(value("inner"), name="inner")
        child.wait(seconds(2))
        return "a-done"

    branches: list[Value] = [
        ParallelBranch(func=first, name="branch-a"),
        ParallelBranch(func=value("b-done"), name="branch-b"),
    ]

    run, observer = played(
        lambda _, context: context.parallel(
            branches, name="ctx", config=ParallelConfig(max_concurrency=1)
        ).get_results()
    )

    assert run.result == ["a-done", "b-done"]
    began = {info.name: info.sub_type for info in observer.of("operation_start", "CONTEXT")}
    assert began == {
        "ctx": "Parallel",
        "branch-a": "ParallelBranch",
        "branch-b": "ParallelBranch",
    }
    entered = [info.name for info in observer.of("user_function_start", "CONTEXT")]
    assert entered.count("branch-a") >= 2
    flags = {info.is_replay_children for info in observer.of("user_function_start", "CONTEXT")}
    assert flags <= {True, False}
