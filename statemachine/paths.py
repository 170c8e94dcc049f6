"""The way of a run through the state machine: which states are entered, as the definition has it.

For what is paid per state transition. Each step from one state to the next is looked up in the
definition, so that a path that it no longer has is an error and not a wrong number.
"""

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from statemachine.definition import PATH, Pace

_LOOK = ("CheckStatus", "Evaluate")
#: An execution that runs through these states did not get there by a Catch or a Retry.
_BEGINNING = ("Begin", "Accept", "Outcome")
_ENDING = ("Stop", "Announce", "Announced", "Ended", "Completed")
_WOKEN = ("Dispatch", "Outcome")


def path_of(pace: Pace, *, work: Sequence[float], waits: Sequence[float]) -> tuple[str, ...]:
    """Give the states that the executions of a run enter that completes.

    Args:
        pace: How often the state machine looks.
        work: Seconds of each attempt, of which each but the last parks.
        waits: Seconds that the run is parked after each of them but the last.

    Raises:
        ValueError: There is not one wait between two attempts; or the definition has no such way.
    """
    if len(work) != len(waits) + 1:
        msg = f"{len(work)} attempts and {len(waits)} waits, expected one wait between two"
        raise ValueError(msg)
    states = list(_BEGINNING)
    for number, seconds in enumerate(work):
        states += _working(pace, seconds)
        if number < len(waits):
            states += [*_parked(pace, waits[number]), *_WOKEN]
    states += _ENDING
    check_path(states)
    return tuple(states)


def _working(pace: Pace, seconds: float) -> Iterator[str]:
    # The first wait is the short one: the worker has still to take the run. A signal ends the last.
    yield "AwaitSignal"
    yield from _LOOK
    for _ in range(max(0, math.ceil((seconds - pace.poll_seconds) / pace.work_seconds))):
        yield "AwaitWork"
        yield from _LOOK


def _parked(pace: Pace, seconds: float) -> Iterator[str]:
    yield "StopParked"
    yield "AwaitSignal"
    yield from _LOOK
    left = seconds - pace.poll_seconds
    # As Evaluate chooses: a wait is taken while there is more to wait for than it lasts.
    for wait, interval, least in (
        ("AwaitDays", pace.parked_seconds, pace.parked_seconds),
        ("AwaitAnswer", pace.waiting_seconds, pace.waiting_seconds),
        ("AwaitSignal", pace.poll_seconds, 0),
    ):
        number = max(0, math.ceil((left - least) / interval))
        left -= number * interval
        for _ in range(number):
            yield wait
            yield from _LOOK


def check_path(states: Sequence[str]) -> None:
    """Refuse a way that the definition does not have.

    Raises:
        ValueError: It names the two states between which there is none.
    """
    known = _successors()
    for here, there in itertools.pairwise(states):
        if there not in known.get(here, frozenset()):
            msg = f"the definition has no way from {here} to {there}"
            raise ValueError(msg)


@cache
def _successors() -> dict[str, frozenset[str]]:
    states: dict[str, dict[str, Any]] = json.loads(PATH.read_text(encoding="utf-8"))["States"]
    return {name: frozenset(_onward(state)) for name, state in states.items()}


def _onward(state: dict[str, Any]) -> Iterator[str]:
    yield from (state[field] for field in ("Next", "Default") if field in state)
    yield from (rule["Next"] for rule in (*state.get("Choices", ()), *state.get("Catch", ())))
