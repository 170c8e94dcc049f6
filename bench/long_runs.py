"""What watching a run takes, for runs of up to days: in simulated time, over the real definition.

The baseline is the same run under a state machine that looks every ten seconds. How long calls take
is assumed (`bench.simulated.aws.Latencies`); what is counted does not depend on it.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.measure import Row, median, spread
from bench.simulated.deployed import ours, pace, polled, times
from bench.simulated.plan import End, Plan, Stretch
from bench.simulated.run import MACHINE, Simulated

_HOUR = 3600
_DAY = 24 * _HOUR
_LENGTHS = {"5 s": 5, "60 s": 60, "10 min": 600, "8 h": 8 * _HOUR}
#: The promise is about the longest.
_BARS = {"8 h": 0.03}
_DETECTION_BAR_SECONDS = 1.0
#: Runs end, and workers die, at any moment of what waits for them.
_PHASES = 19
_STEP_SECONDS = 0.7
_LOOK_STEP_SECONDS = 47


def measure(folder: Path) -> list[Row]:
    """Let runs of all lengths happen, end at any moment, lose their workers, and wait."""
    rows: list[Row] = []
    for length, seconds in _LENGTHS.items():
        plan = Plan.of(seconds)
        rows += _counted(ours(plan, folder), polled(plan, folder), length)
    return [*rows, *_waited(folder), *_detected(folder), _recovered(folder)]


def _counted(found: Simulated, baseline: Simulated, length: str) -> list[Row]:
    return [
        Row(
            what=f"state transitions of a run of {length}",
            value=len(found.visited),
            baseline=len(baseline.visited),
            note="a poll every 10 s; both in simulated time",
            bar=_BARS.get(length),
            unit="",
            samples=1,
        ),
        Row(
            what=f"journal reads to watch a run of {length}",
            value=found.charged[MACHINE].read_requests,
            baseline=baseline.charged[MACHINE].read_requests,
            note="as above",
            unit="reads",
            samples=1,
        ),
    ]


def _waited(folder: Path) -> list[Row]:
    asked = Plan(stretches=(Stretch(60, End.ASKS), Stretch(60)), decides_after=3 * _DAY)
    # Under the poll nobody parks: it looks for as long as all of it takes.
    return _counted(
        ours(asked, folder),
        polled(Plan.of(3 * _DAY + 120), folder),
        "2 min that waits 3 days for a person",
    )


def _detected(folder: Path) -> list[Row]:
    plans = [Plan.of(60 + number * _STEP_SECONDS) for number in range(_PHASES)]
    signalled = [ours(plan, folder).detection_seconds for plan in plans]
    looked = [polled(plan, folder).detection_seconds for plan in plans]
    lost = [ours(_unheard(plan), folder).detection_seconds for plan in plans]
    note = "a poll every 10 s"
    return [
        Row(
            what="run's end to its execution's, simulated, p50",
            value=median(signalled),
            note="with assumed latencies; `completion` has it as measured on the local stack",
            bar=_DETECTION_BAR_SECONDS,
            unit="s",
            samples=_PHASES,
            spread=spread(signalled),
        ),
        _compared("the same, beside a poll", signalled, looked, note),
        _compared("the same with its signal lost", lost, looked, note),
    ]


def _compared(what: str, values: Sequence[float], baseline: Sequence[float], note: str) -> Row:
    return Row(
        what=what,
        value=median(values),
        baseline=median(baseline),
        note=note,
        unit="s",
        samples=len(values),
        spread=spread(values),
        baseline_spread=spread(baseline),
    )


def _unheard(plan: Plan) -> Plan:
    return Plan(stretches=plan.stretches, are_signals_lost=True)


def _recovered(folder: Path) -> Row:
    """Have workers die about the middle of eight hours, at any moment of the wait for them."""
    dead = [4 * _HOUR + number * _LOOK_STEP_SECONDS for number in range(_PHASES)]
    gone = [_gone_seconds(seconds, folder) for seconds in dead]
    return Row(
        what="worker dead to the next claim, p50",
        value=median(gone),
        note=f"at most {max(gone):.0f} s; the lease is {times().lease:g} s, and heartbeats are "
        f"missed after {pace().silence_seconds} s; a plain poll never notices",
        unit="s",
        samples=_PHASES,
        spread=spread(gone),
    )


def _gone_seconds(seconds: float, folder: Path) -> float:
    """Give for how long nobody works on a run whose worker dies after some seconds of work."""
    plan = Plan(stretches=(Stretch(seconds, End.DIES), Stretch(60)))
    first, second = ours(plan, folder).claims
    return (second - first).total_seconds() - seconds
