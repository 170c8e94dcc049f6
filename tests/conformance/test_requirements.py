"""Every requirement of the durable execution service is kept on our journals."""

import pytest

from runs.journal.base import Journal
from tests.conformance import (
    callbacks,
    children,
    conditions,
    invokes,
    maps,
    parallels,
    questions,
    steps,
    waits,
)
from tests.support.conformance import ANYTHING, ENDS, Requirement, differences, play
from tests.support.engine import Engine
from tests.support.service_model import event_shape, faults

ALL = (
    *steps.REQUIREMENTS,
    *waits.REQUIREMENTS,
    *children.REQUIREMENTS,
    *callbacks.REQUIREMENTS,
    *invokes.REQUIREMENTS,
    *conditions.REQUIREMENTS,
    *questions.REQUIREMENTS,
    *parallels.REQUIREMENTS,
    *maps.REQUIREMENTS,
)
#: One for each way in which an operation is stored: the others differ in what the SDK does.
ON_A_TABLE = tuple(
    requirement
    for requirement in ALL
    if requirement.number
    in {"1-8", "1-12", "2-3", "3-11", "4-5", "4-10", "5-5", "5-7", "6-5", "7-8", "8-14", "9-16"}
)


def check(requirement: Requirement, engine: Engine) -> None:
    run = play(requirement, engine)

    history = engine.journal.history(run.session_id)

    if requirement.history is not None:
        assert differences(requirement.history, history, ends=requirement.ends) == []
    assert ENDS[run.status] == requirement.ends
    assert requirement.result is ANYTHING or run.result == requirement.result
    assert unknown_to_the_service(engine.journal, run.session_id) == []


def unknown_to_the_service(journal: Journal, session_id: str) -> list[str]:
    shape = event_shape()
    events = journal.history(session_id)
    assert [event["EventId"] for event in events] == list(range(1, len(events) + 1))
    return [
        fault for event in events for fault in faults(event, shape, path=str(event["EventType"]))
    ]


@pytest.mark.parametrize("requirement", ALL, ids=str)
def test_a_requirement_is_kept(requirement: Requirement, engine: Engine) -> None:
    check(requirement, engine)


@pytest.mark.parametrize("requirement", ON_A_TABLE, ids=str)
def test_a_requirement_is_kept_on_a_table(requirement: Requirement, on_a_table: Engine) -> None:
    check(requirement, on_a_table)


def test_requirements_are_told_apart_by_their_numbers() -> None:
    numbers = [requirement.number for requirement in ALL]

    assert len(set(numbers)) == len(numbers)
