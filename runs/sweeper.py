"""The sweep: compares the journal with reality, and mends what differs.

It works on a bounded number of runs at a time and keeps a bookmark, so that the next sweep goes on
where this one left off. Each repair may be repeated, by another sweep at the same moment or by the
next one after this one died: an execution's name makes starting it twice once, ending and stopping
are conditional on the head, and a signal too many is none.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from runs.announcing import Announcer
from runs.errors import RunError
from runs.executions import Executions, ExecutionState, successor_name, watcher_name
from runs.journal.base import Journal
from runs.run import Run
from runs.signals import Signal
from runs.sweep_place import SweepPlace, first_place
from runs.sweeping import Mend, Problem, Repair, Suspicion, suspicions

#: How many heads are read at once.
_PAGE = 50
#: How many executions after one another may have handed over, or been stopped, between two sweeps.
_LONGEST_CHAIN = 20


class Stopper(Protocol):
    """Stops sessions."""

    def stop(self, session_id: str) -> bool:
        """Stop the session of a run that waits or has ended; False if it was not stopped."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A run that differs from what should be, and what came of it."""

    run: Run
    problem: Problem
    since: datetime
    #: What mends it; None if nothing does from here.
    mend: Mend | None
    #: Whether that was done; a dry sweep does nothing.
    is_mended: bool = False
    #: Why it was not, though it was tried.
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep came to."""

    #: How many runs it looked at.
    looked_at: int
    found: tuple[Found, ...]
    #: Whether it came to the end of the journal; the next one goes on otherwise.
    is_whole: bool

    @property
    def unmended(self) -> tuple[Found, ...]:
        """Give what it found and did not mend."""
        return tuple(each for each in self.found if not each.is_mended)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeper:
    """Looks after the runs of one journal."""

    journal: Journal
    signal: Signal
    clock: Callable[[], datetime]
    #: For how long the normal way may take.
    patience: timedelta
    #: None where no state machine watches runs: the processes that write the journal do.
    executions: Executions | None
    #: None where there are no sessions.
    stopper: Stopper | None

    def sweep_on(self, *, may_go_on: Callable[[], bool], limit: int) -> Swept:
        """Go on where the last sweep left off, and leave a bookmark.

        Args:
            may_go_on: Asked before each page; a sweep that runs out of time leaves the rest.
            limit: How many runs to look at, at most; a page may go beyond it.
        """
        now = self.clock()
        place = SweepPlace.from_json(self.journal.bookmark()) or first_place(now)
        sweep = _Sweep(self, is_dry=False)
        after = sweep.go(place, may_go_on=lambda: may_go_on() and sweep.looked_at < limit)
        place = after or place.next_pass(now, patience=self.patience, is_clean=not sweep.errors)
        self.journal.keep_bookmark(place.to_json(), now=self.clock())
        return sweep.result(is_whole=after is None)

    def sweep(self, *, is_dry: bool) -> Swept:
        """Look at all runs that have not ended, and at those that ended within a day.

        Args:
            is_dry: Only tell what would be done.
        """
        sweep = _Sweep(self, is_dry=is_dry)
        sweep.go(first_place(self.clock()), may_go_on=lambda: True)
        return sweep.result(is_whole=True)


@dataclass(slots=True)
class _Sweep:
    """One sweep, as far as it has come."""

    sweeper: Sweeper
    is_dry: bool
    looked_at: int = 0
    found: list[Found] = field(default_factory=list)
    _running: frozenset[str] | None = None

    @property
    def errors(self) -> list[Found]:
        return [each for each in self.found if each.error]

    def result(self, *, is_whole: bool) -> Swept:
        return Swept(looked_at=self.looked_at, found=tuple(self.found), is_whole=is_whole)

    def go(self, place: SweepPlace, *, may_go_on: Callable[[], bool]) -> SweepPlace | None:
        """Look at page after page; give where to go on, None at the end of the journal."""
        journal = self.sweeper.journal
        at: SweepPlace | None = place
        # At least one page each time: a sweep that is always too late must come on, too.
        while at is not None:
            try:
                page = journal.list_runs(status=at.status, limit=_PAGE, cursor=at.cursor)
            except ValueError:
                # Of another version, or of a listing that changed: the status from its beginning.
                at = replace(at, cursor=None)
                continue
            for run in page.runs:
                self.looked_at += 1
                self._look(run)
            at = at.after(page)
            if not may_go_on():
                break
        return at

    def _look(self, run: Run) -> None:
        try:
            found = self._first_problem(run)
        except RunError as error:
            found = self._unknown(run, error)
        if found is None:
            return
        if found.mend is not None and not self.is_dry and not found.error:
            found = self._mended(found)
        self.found.append(found)

    def _first_problem(self, run: Run) -> Found | None:
        sweeper = self.sweeper
        for suspicion in suspicions(run, sweeper.clock(), patience=sweeper.patience):
            if (found := self._examined(run, suspicion)) is not None:
                return found
        return None

    def _examined(self, run: Run, suspicion: Suspicion) -> Found | None:
        """Give what is wrong, with what mends it; None if the normal way is still at it."""
        match suspicion.problem:
            case Problem.OVERTIME:
                return _found(run, suspicion, Mend.EXPIRE)
            case Problem.LEFT_ON:
                return _found(run, suspicion, Mend.STOP) if self.sweeper.stopper else None
            case Problem.UNWATCHED:
                return _found(run, suspicion, Mend.WATCH) if self._is_unwatched(run) else None
            case Problem.OVERDUE:
                return _found(run, suspicion, _waking(run))
            case Problem.UNANNOUNCED:
                if self.sweeper.executions is None:
                    return None
                mend = Mend.WATCH if self._is_unwatched(run) else _waking(run)
                return _found(run, suspicion, mend)

    def _is_unwatched(self, run: Run) -> bool:
        executions = self.sweeper.executions
        if executions is None:
            return False
        return self._next_watcher(run, executions) is not None

    def _next_watcher(self, run: Run, executions: Executions) -> str | None:
        """Give the execution that is to watch a run; None if one does."""
        for arn in _watchers(run, executions):
            if arn in self._all_running(executions):
                return None
            match executions.state(arn):
                case ExecutionState.RUNNING:
                    return None
                case ExecutionState.ABSENT:
                    return arn
                case ExecutionState.ENDED:
                    # It may have handed over, or somebody's sweep has started the next one.
                    continue
        return None

    def _all_running(self, executions: Executions) -> frozenset[str]:
        if self._running is None:
            self._running = executions.running()
        return self._running

    def _mended(self, found: Found) -> Found:
        try:
            return replace(found, is_mended=self._mend(found))
        except RunError as error:
            return replace(found, error=str(error))

    def _mend(self, found: Found) -> bool:
        sweeper, run = self.sweeper, found.run
        match found.mend:
            case Mend.EXPIRE:
                ended = sweeper.journal.expire(run.session_id, now=sweeper.clock())
                Announcer(journal=sweeper.journal, signal=sweeper.signal).announce(ended)
                return True
            case Mend.WATCH if sweeper.executions is not None:
                return self._watch(found, sweeper.executions)
            case Mend.WAKE if run.wake_token is not None:
                # Sent first: a token that is noted as used and was not would wake nobody.
                sweeper.signal.send(run.wake_token)
                self._note(found, token=run.wake_token)
                return True
            case Mend.STOP if sweeper.stopper is not None:
                return sweeper.stopper.stop(run.session_id)
            case _:
                return False

    def _watch(self, found: Found, executions: Executions) -> bool:
        arn = self._next_watcher(found.run, executions)
        if arn is not None:
            self._note(found, watcher=arn)
            executions.watch(arn, found.run.session_id)
        return True

    def _note(self, found: Found, *, watcher: str | None = None, token: str | None = None) -> None:
        if found.mend is None:
            return
        repair = Repair(
            problem=found.problem,
            mend=found.mend,
            since=found.since,
            watcher=watcher,
            token=token,
        )
        now = self.sweeper.clock()
        self.sweeper.journal.note_repair(found.run.session_id, repair, now=now)

    def _unknown(self, run: Run, error: RunError) -> Found:
        """Tell of a run about which an API that is needed for it says nothing."""
        problem = Problem.UNANNOUNCED if run.status.is_terminal else Problem.UNWATCHED
        return Found(
            run=run, problem=problem, since=run.updated_at, mend=Mend.WATCH, error=str(error)
        )


def _found(run: Run, suspicion: Suspicion, mend: Mend | None) -> Found:
    return Found(run=run, problem=suspicion.problem, since=suspicion.since, mend=mend)


def _waking(run: Run) -> Mend | None:
    return None if run.wake_token is None else Mend.WAKE


def _watchers(run: Run, executions: Executions) -> Iterator[str]:
    """Give the executions that may watch a run, each before the one that goes on for it."""
    accepted = run.execution if run.execution and ":execution:" in run.execution else None
    arn = run.watcher or accepted or executions.named(watcher_name(run.session_id, run.retries))
    for _ in range(_LONGEST_CHAIN):
        yield arn
        arn = executions.named(successor_name(arn))
