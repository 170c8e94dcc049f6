"""What a failure costs: a run of three agents whose worker dies in the third, beside a plain retry.

The durable pattern's example: steps of 30, 20 and 25 seconds, a failure in step 3, once and twice.
Each step is an agent of some model calls of five seconds; the offline model's seconds are a
twentieth of that. The plain retry is the same work begun anew, by another run, after each failure.
DBOS makes a step of each agent, as people do; or of each call, as they would have to.
"""

import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from agent.models.prices import find_rates, shipped_prices
from agent.models.pricing import Rates
from bench.engine import new_run
from bench.measure import Row
from bench.peers.environment import program
from bench.peers.errand_app import AGENTS, journal_in
from bench.running import running, wait_for
from runs.events import EventType
from runs.run import Status, Usage

#: Model calls of each agent: 30, 20 and 25 seconds' worth.
_CALLS = (6, 4, 5)
_CALL_SECONDS = 5.0
_SCALE = 20
_MODEL = "anthropic.claude-sonnet-4-5"
#: In which call of step 3 the worker dies, the first time and the second.
_DEATHS = (3, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bill:
    """What all attempts at a piece of work came to."""

    #: Calls that returned, by agent.
    returned: dict[str, int]
    #: Calls that a worker died in.
    cut: int
    cost_usd: Decimal

    @property
    def made(self) -> int:
        return sum(self.returned.values()) + self.cut

    @property
    def seconds(self) -> float:
        """Of model calls, at full length; a call that was cut counts half."""
        return (sum(self.returned.values()) + self.cut / 2) * _CALL_SECONDS

    @property
    def repeated(self) -> int:
        """Finished calls made again."""
        return sum(self.returned.values()) - sum(_CALLS)


def measure(folder: Path) -> list[Row]:
    """Let step 3 fail once and twice."""
    rows: list[Row] = []
    for failures, times in ((1, "once"), (2, "twice")):
        ours = _resumed(folder, _DEATHS[:failures])
        plain = _begun_anew(folder, _DEATHS[:failures])
        rows += _rows(ours, plain, f"step 3 fails {times}")
        if failures == 1:
            rows.append(_beside_dbos(ours, folder))
    return rows


def _beside_dbos(ours: _Bill, folder: Path) -> Row:
    by_agent, by_call = (_repeated_by_dbos(folder, kind) for kind in ("agents", "calls"))
    return Row(
        what="finished model calls repeated, step 3 fails once, beside DBOS on SQLite",
        value=ours.repeated,
        baseline=by_agent,
        note=f"with a step for each agent; with one for each call it repeats {by_call}",
        unit="calls",
        samples=1,
    )


def _repeated_by_dbos(folder: Path, kind: str) -> int:
    """Kill DBOS's worker in step 3, and count the calls that returned more than once."""
    place = _place(folder)
    seconds = _CALL_SECONDS / _SCALE
    arguments = (str(place), kind, f"{seconds:g}", *map(str, _CALLS))
    command = program("dbos_agents.py", *arguments)
    with running(command):
        _wait_until_noted(place, sum(_CALLS[:-1]) + _DEATHS[0] - 1)
        # Into the next call: what has returned is then recorded.
        time.sleep(seconds / 2)
    with running(command) as worker:
        wait_for(lambda: worker.poll() is not None, what="the end of DBOS's workflow")
    return _noted(place) - sum(_CALLS)


def _wait_until_noted(place: Path, calls: int) -> None:
    wait_for(lambda: _noted(place) >= calls, what=f"the return of {calls} calls")


def _noted(place: Path) -> int:
    notes = place / "calls.txt"
    return len(notes.read_text().splitlines()) if notes.exists() else 0


def _rows(ours: _Bill, plain: _Bill, when: str) -> list[Row]:
    note = "the same work begun anew after each failure"
    return [
        Row(
            what=f"finished model calls repeated, {when}",
            value=ours.repeated,
            note=f"the work has {sum(_CALLS)}; a plain retry repeats {plain.repeated}",
            bar=1,
            unit="calls",
            samples=1,
        ),
        Row(
            what=f"model calls made, {when}",
            value=ours.made,
            baseline=plain.made,
            note=note,
            unit="calls",
            samples=1,
        ),
        Row(
            what=f"seconds of model calls, {when}",
            value=ours.seconds,
            baseline=plain.seconds,
            note=f"{note}; three steps of 30, 20 and 25 s",
            unit="s",
            samples=1,
        ),
        Row(
            what=f"cost of the calls that returned, {when}",
            value=float(ours.cost_usd) * 1000,
            baseline=float(plain.cost_usd) * 1000,
            note=f"{note}; the offline model's tokens at the list price of {_MODEL}",
            unit="m$",
            samples=1,
        ),
    ]


def _resumed(folder: Path, deaths: Sequence[int]) -> _Bill:
    """Kill the worker in step 3, and let the next one go on with the run."""
    place = _place(folder)
    session_id = _accept(place)
    for call in deaths:
        _die(place, session_id, call)
    _finish(place, session_id)
    return _bill(place, [session_id], cut=len(deaths))


def _begun_anew(folder: Path, deaths: Sequence[int]) -> _Bill:
    """Kill the worker in step 3, and ask for the same work again."""
    place = _place(folder)
    sessions: list[str] = []
    for call in deaths:
        sessions.append(_accept(place))
        _die(place, sessions[-1], call)
        _abandon(place, sessions[-1])
    sessions.append(_accept(place))
    _finish(place, sessions[-1])
    return _bill(place, sessions, cut=len(deaths))


def _place(folder: Path) -> Path:
    place = folder / uuid.uuid4().hex
    place.mkdir()
    return place


def _accept(place: Path) -> str:
    asked = new_run("bench-three-agents", " ".join(map(str, _CALLS)))
    with closing(journal_in(place)) as journal:
        return journal.accept(asked).run.session_id


def _die(place: Path, session_id: str, call: int) -> None:
    """Kill a worker while a call of step 3 is under way: those before it have returned."""
    with _worker(place), closing(journal_in(place)) as journal:

        def is_in_call() -> bool:
            messages = journal.messages(session_id, AGENTS[-1])
            # Each finished call has left its answer and the result of the tool it asked for.
            return len(messages) == 1 + 2 * (call - 1)

        wait_for(is_in_call, what=f"call {call} of step 3")


def _abandon(place: Path, session_id: str) -> None:
    """See that nobody goes on with a run whose worker died."""
    with closing(journal_in(place)) as journal:
        run = journal.get(session_id)
        if run is None or run.lease is None:
            msg = f"run {session_id} has no lease, expected its dead worker's"
            raise RuntimeError(msg)
        journal.cancel(session_id, now=run.lease.expires_at, reason="begun anew")


def _finish(place: Path, session_id: str) -> None:
    with _worker(place), closing(journal_in(place)) as journal:

        def is_over() -> bool:
            run = journal.get(session_id)
            return run is not None and run.status is Status.COMPLETED

        wait_for(is_over, what="the end of the run")


def _worker(place: Path) -> AbstractContextManager[object]:
    seconds = _CALL_SECONDS / _SCALE
    command = [sys.executable, "-m", "bench.peers.errand_app", "serve", str(place)]
    return running(command, environ={"ERRAND_MODEL": f"offline:{seconds:g}"})


def _bill(place: Path, sessions: Sequence[str], *, cut: int) -> _Bill:
    rates = find_rates(shipped_prices(), "bedrock", _MODEL)
    if rates is None:
        msg = f"the price table has no {_MODEL}"
        raise RuntimeError(msg)
    returned = dict.fromkeys(AGENTS, 0)
    cost = 0
    with closing(journal_in(place)) as journal:
        for session_id in sessions:
            for recorded in journal.events(session_id):
                event = recorded.event
                if event.type is EventType.MODEL_CALLED and event.name is not None:
                    returned[event.name] += 1
            run = journal.get(session_id)
            cost += _nano_usd(run.usage, rates) if run else 0
    return _Bill(returned=returned, cut=cut, cost_usd=Decimal(cost).scaleb(-9))


def _nano_usd(usage: Usage, rates: Rates) -> int:
    return rates.cost_nano_usd(usage) or 0
