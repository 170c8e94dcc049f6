import itertools
import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest

from infra.settings import Settings, Target
from invoker.answers import Outcome
from runs.head_record import RUN_FIELDS
from runs.run import TERMINAL, Status
from statemachine import definition

AWS = Settings.from_context({"target": "aws"})
HISTORY_LIMIT = 25_000
DAY_SECONDS = 24 * 3600
#: How long each wait lasts, the longest first.
INTERVALS = {
    "AwaitDays": AWS.pace.parked_seconds,
    "AwaitAnswer": AWS.pace.waiting_seconds,
    "AwaitSignal": AWS.pace.poll_seconds,
}
WAITS = (*INTERVALS, "AwaitWork", "Backoff", "CheckStatus")
NUMBERS = {
    "PollSeconds",
    "WorkSeconds",
    "SilenceSeconds",
    "WaitingSeconds",
    "ParkedSeconds",
    "GraceSeconds",
    "MaxTurns",
}


@pytest.fixture
def machine() -> dict[str, Any]:
    rendered: dict[str, Any] = json.loads(definition.render(AWS.pace))
    return rendered


@pytest.fixture
def states(machine: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = machine["States"]
    return found


def successors(state: dict[str, Any]) -> Iterator[str]:
    for field in ("Next", "Default"):
        if field in state:
            yield state[field]
    for rule in chain(state.get("Choices", ()), state.get("Catch", ())):
        yield rule["Next"]


def texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def tasks(states: dict[str, Any]) -> dict[str, Any]:
    return {name: state for name, state in states.items() if state["Type"] == "Task"}


def events_of(state: dict[str, Any]) -> int:
    """Count the history events of one pass through a state, without retries."""
    if state["Type"] != "Task":
        return 2  # entered, exited
    # Entered, scheduled, started, succeeded (or failed), exited; submitted when it waits.
    return 6 if state["Resource"].endswith(".waitForTaskToken") else 5


def test_the_file_is_json_with_its_placeholders() -> None:
    text = definition.PATH.read_text()

    json.loads(text)

    assert definition.placeholders(text) == definition.NAMES | NUMBERS


def test_rendering_leaves_only_what_the_deployment_substitutes() -> None:
    assert definition.placeholders(definition.render(AWS.pace)) == definition.NAMES


def test_every_next_state_exists(machine: dict[str, Any], states: dict[str, Any]) -> None:
    named = {name for state in states.values() for name in successors(state)}

    assert named | {machine["StartAt"]} <= states.keys()


def test_every_state_can_be_reached(machine: dict[str, Any], states: dict[str, Any]) -> None:
    reached: set[str] = set()
    waiting = [machine["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += successors(states[name])

    assert reached == states.keys()


def test_a_state_ends_the_execution_or_goes_on(states: dict[str, Any]) -> None:
    for name, state in states.items():
        is_end = state["Type"] in ("Succeed", "Fail")
        assert is_end != any(successors(state)), name


def test_every_task_has_a_time_limit_that_is_a_number(states: dict[str, Any]) -> None:
    for name, state in tasks(states).items():
        assert isinstance(state["TimeoutSeconds"], int), name


def test_variables_are_not_used_because_the_emulator_has_none(states: dict[str, Any]) -> None:
    assert not [name for name, state in states.items() if "Assign" in state]


def test_only_named_errors_are_retried_and_with_jitter(states: dict[str, Any]) -> None:
    retriers = [each for state in states.values() for each in state.get("Retry", ())]

    assert retriers
    for retrier in retriers:
        assert not {"States.ALL", "States.TaskFailed"} & set(retrier["ErrorEquals"])
        assert retrier["JitterStrategy"] == "FULL"
        assert retrier["MaxDelaySeconds"] <= 60
        assert retrier["BackoffRate"] >= 1


def test_the_catcher_of_every_error_stands_alone_and_last(states: dict[str, Any]) -> None:
    for name, state in states.items():
        for position, catcher in enumerate(state.get("Catch", ()), start=1):
            if "States.ALL" in catcher["ErrorEquals"]:
                assert catcher["ErrorEquals"] == ["States.ALL"], name
                assert position == len(state["Catch"]), name


def test_no_task_that_fails_ends_the_watch_over_a_run_that_was_read(
    states: dict[str, Any],
) -> None:
    last = {name: state.get("Catch", [{}])[-1] for name, state in tasks(states).items()}

    # Without the journal there is nothing to go by.
    assert {name for name, catcher in last.items() if not catcher} == {"CheckStatus"}
    assert all(each["ErrorEquals"] == ["States.ALL"] for each in last.values() if each)


def test_nothing_that_may_go_round_for_long_comes_before_the_hand_over(
    states: dict[str, Any],
) -> None:
    order = [rule["Next"] for rule in states["Evaluate"]["Choices"]]

    assert order.index("HandOver") < min(order.index("Expire"), order.index("Dispatch"))


def test_every_expression_is_a_whole_text(states: dict[str, Any]) -> None:
    for text in texts(states):
        if "{%" in text or "$states" in text:
            assert text.startswith("{% "), text
            assert text.endswith(" %}"), text


def test_no_comment_or_prompt_travels_in_the_state(states: dict[str, Any]) -> None:
    read = states["CheckStatus"]["Arguments"]
    names = read["ExpressionAttributeNames"]
    projected = {names.get(each, each) for each in read["ProjectionExpression"].split(", ")}

    assert projected <= RUN_FIELDS
    assert not {"prompt", "result", "artifacts"} & projected


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ("AwaitSignal", {Status.QUEUED, Status.BUSY, Status.WAITING}),
        ("AwaitWork", {Status.BUSY}),
        ("AwaitAnswer", {Status.WAITING}),
        ("AwaitDays", {Status.WAITING}),
    ],
)
def test_a_token_is_kept_only_for_runs_that_go_on(
    states: dict[str, Any], state: str, names: set[Status]
) -> None:
    values = states[state]["Arguments"]["ExpressionAttributeValues"]

    assert {value["S"] for value in values.values() if value.get("S", "{").isupper()} == names


def test_evaluate_knows_every_status(states: dict[str, Any]) -> None:
    ended, unsent, unknown = (
        set(re.findall(r"'([A-Z_]+)'", rule["Condition"]))
        for rule in states["Evaluate"]["Choices"][2:5]
    )

    assert ended == unsent == TERMINAL
    assert ended | unknown == set(Status)


def test_every_outcome_it_chooses_by_is_one_the_invoker_gives(states: dict[str, Any]) -> None:
    chosen = {
        name
        for rule in states["Outcome"]["Choices"]
        for name in re.findall(r"'([A-Z_]+)'", rule["Condition"])
    }

    # These are for people, or change the run: the state machine looks at it.
    others = {Outcome.ENDED, Outcome.STOPPED, Outcome.NOTIFIED, Outcome.CANCELLING}
    others |= {Outcome.PAUSING, Outcome.PAUSED, Outcome.RESUMED}
    assert chosen == set(Outcome) - others


def longest_turn(states: dict[str, Any]) -> int:
    """Count the events of the longest way from one look at the journal to the next."""
    # Begin sets the count of turns back; what leads there is bounded by time instead.
    passable = states.keys() - {"Begin"}

    def longest(name: str, seen: frozenset[str]) -> int:
        if name == "CheckStatus" and seen:
            return 0
        if name in seen or name not in passable:
            return -HISTORY_LIMIT
        onward = [longest(each, seen | {name}) for each in successors(states[name])]
        return events_of(states[name]) + max(onward, default=-HISTORY_LIMIT)

    return longest("CheckStatus", frozenset())


@pytest.mark.parametrize("target", Target)
def test_an_execution_hands_over_long_before_its_history_is_full(
    states: dict[str, Any], target: Target
) -> None:
    pace = Settings.from_context({"target": target}).pace

    assert longest_turn(states) * pace.max_turns < 0.75 * HISTORY_LIMIT


def test_getting_into_the_journal_does_not_fill_the_history(states: dict[str, Any]) -> None:
    again = ("CheckStatus", "Evaluate", "NotYet", "Begin", "Accept", "Outcome", "Backoff")
    tries = AWS.pace.grace_seconds / AWS.pace.poll_seconds

    assert sum(events_of(states[name]) for name in again) * tries < 0.1 * HISTORY_LIMIT


@pytest.mark.parametrize(
    ("wait", "interval", "seconds"),
    [
        ("AwaitSignal", AWS.pace.poll_seconds, 8 * 3600),
        ("AwaitAnswer", AWS.pace.waiting_seconds, DAY_SECONDS),
    ],
)
def test_hours_of_work_and_a_day_of_waiting_stay_far_below_the_history_limit(
    states: dict[str, Any], wait: str, interval: int, seconds: int
) -> None:
    turn = sum(events_of(states[name]) for name in (wait, "CheckStatus", "Evaluate"))

    assert turn * seconds / interval < 0.51 * HISTORY_LIMIT


def turns_parked(seconds: float) -> dict[str, int]:
    """Count how often each wait runs out for a run that is parked for so long, and not answered."""
    counts = {}
    for wait, interval in INTERVALS.items():
        # As Evaluate chooses: a wait is taken while there is more to wait for than it lasts.
        shortest = interval if wait != "AwaitSignal" else 0
        counts[wait] = max(0, math.ceil((seconds - shortest) / interval))
        seconds -= counts[wait] * interval
    return counts


def test_a_month_of_waiting_for_a_person_makes_few_transitions_and_little_history(
    states: dict[str, Any],
) -> None:
    month, reminder_left = 30 * DAY_SECONDS, 30 * DAY_SECONDS / 4
    notify = ("Notify", "Outcome", "CheckStatus", "Evaluate")
    begin = ("Begin", "Accept", "Outcome", "AwaitSignal", "CheckStatus", "Evaluate", "StopParked")
    # Those who may decide are told when it is asked, reminded, and told that nobody did.
    around = (*begin, *notify, *notify, *notify)
    until_reminder, after = turns_parked(month - reminder_left), turns_parked(reminder_left)
    turns = {wait: until_reminder[wait] + after[wait] for wait in INTERVALS}
    turns["AwaitSignal"] += 1

    ways = [begin, ("Evaluate", *notify)]
    ways += [(wait, "CheckStatus", "Evaluate", wait) for wait in INTERVALS]
    steps = [step for way in ways for step in itertools.pairwise(way)]
    transitions = len(around) + sum(3 * count for count in turns.values())
    events = sum(events_of(states[name]) for name in around) + sum(
        count * sum(events_of(states[name]) for name in (wait, "CheckStatus", "Evaluate"))
        for wait, count in turns.items()
    )

    assert [step for step in steps if step[1] not in successors(states[step[0]])] == []
    assert sum(turns[wait] * seconds for wait, seconds in INTERVALS.items()) >= month
    assert transitions <= 1_000
    assert events < 0.25 * HISTORY_LIMIT
    assert sum(turns.values()) < AWS.pace.max_turns


def test_telling_deciders_comes_after_what_makes_the_run_go_on(states: dict[str, Any]) -> None:
    order = [rule["Next"] for rule in states["Evaluate"]["Choices"]]
    last = len(order) - 1 - order[::-1].index("Notify")

    # A run that has ended is told of before its end is announced; any other goes on first.
    assert order.index("Stop") < order.index("Notify") < order.index("HandOver")
    assert order.index("Dispatch") < last < order.index("Backoff") < order.index("StopParked")


def test_no_wait_keeps_a_token_while_deciders_are_to_be_told(states: dict[str, Any]) -> None:
    for wait in (*INTERVALS, "AwaitWork"):
        condition = states[wait]["Arguments"]["ConditionExpression"]
        assert condition.endswith(" AND (attribute_not_exists(notify_at) OR notify_at > :now)")


def test_a_parked_runs_session_is_stopped_once_for_each_attempt(states: dict[str, Any]) -> None:
    order = [rule["Next"] for rule in states["Evaluate"]["Choices"]]
    kept = [text for name in WAITS for text in texts(states[name]) if "'turns'" in text]

    assert order.index("Dispatch") < order.index("StopParked") < order.index("AwaitDays")
    assert states["StopParked"]["Arguments"]["Payload"]["action"] == "stop"
    assert all("'stopped': $states.input.stopped" in text for text in kept)
    # Whatever it waits for: the wait after it is the shortest.
    assert {*successors(states["StopParked"])} == {"AwaitSignal"}


@pytest.mark.parametrize(
    "name", ["poll_seconds", "waiting_seconds", "parked_seconds", "grace_seconds", "max_turns"]
)
def test_a_pace_without_a_pause_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0, expected at least 1"):
        replace(AWS.pace, **{name: 0})


def test_heartbeats_that_could_never_be_missed_are_refused() -> None:
    expected = "silence_seconds is 900, expected less than work_seconds \\(900\\)"

    with pytest.raises(ValueError, match=expected):
        replace(AWS.pace, silence_seconds=900)


def test_heartbeats_that_stay_away_end_a_wait_when_the_lease_is_over(
    states: dict[str, Any],
) -> None:
    wait = states["AwaitWork"]
    caught = {name for catcher in wait["Catch"] for name in catcher["ErrorEquals"]}

    assert caught >= {"States.Timeout", "States.HeartbeatTimeout"}
    # A lease lasts 60 s in the cloud, and its worker tells of it with each renewal.
    assert 60 < wait["HeartbeatSeconds"] < wait["TimeoutSeconds"]


def test_eight_hours_of_work_make_few_transitions(states: dict[str, Any]) -> None:
    pace, seconds = AWS.pace, 8 * 3600
    # Near its deadline a run is looked at more often; the worst is a run that goes up to it.
    near = pace.work_seconds
    turns = (seconds - near) / pace.work_seconds + near / pace.poll_seconds
    begin = ("Begin", "Accept", "Outcome", "AwaitSignal", "CheckStatus", "Evaluate")
    end = ("CheckStatus", "Evaluate", "Stop", "Announce", "Announced", "Ended", "Completed")

    transitions = len(begin) + 3 * turns + len(end)

    assert {*begin, *end} <= states.keys()
    # What a fixed wait of 10 s, a look and a choice would make of it.
    assert transitions <= 0.03 * 3 * seconds / 10
