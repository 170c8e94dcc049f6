"""One life of a worker: it does what is to be done in a journal, until nothing is, or it dies."""

from dataclasses import replace
from datetime import datetime, timedelta

from agent.jobs import Jobs
from agent.models.select import ModelChoice
from agent.poller import Poller
from agent.registry import Registry
from agent.runner import Limits, Runner
from agent.settling import Settler
from crash.clock import LeapingClock
from crash.errors import StuckError
from crash.places import Place
from crash.story import Deed, Pen
from crash.subject import ANY, SESSION_ID, Subject, enter
from crash.trap import Target, Trap
from crash.watched import tapped
from runs.errors import CallbackClosedError
from runs.listing import family, open_runs
from runs.operations import Operation, OperationStatus, OperationType
from runs.run import Run, Status
from runs.signals import NoSignal

#: Longer than any pause of the machine; the clock leaps over it.
_LEASE_SECONDS = 60
#: What must be there before a timer has certainly passed: journals keep whole milliseconds.
_A_MOMENT = timedelta(milliseconds=1)


def live(
    subject: Subject, place: Place, registry: Registry, *, life: int, target: Target | None = None
) -> None:
    """Work on the subject's run, and on those it starts, until there is nothing left to do.

    Timers and leases of the dead are leapt over, callbacks are answered as the subject says.

    Args:
        subject: What is tested.
        place: Where its run is; what an earlier worker left there is taken up.
        registry: The workflows there are.
        life: Which worker this is, from 1.
        target: Where this process is killed, if it comes there.
    """
    enter(place.outside)
    pen = Pen(place.story, life=life)
    pen.write(Deed.BORN)
    try:
        _Worker(subject, place, registry, trap=Trap(pen, target)).work()
    except StuckError as error:
        pen.write(Deed.STUCK, what=str(error))
    pen.write(Deed.DONE)


class _Worker:
    """What an agent process is, without its server: a runner, and a poller that looks at once."""

    def __init__(self, subject: Subject, place: Place, registry: Registry, *, trap: Trap) -> None:
        self._subject = subject
        self._place = place
        self._clock = LeapingClock()
        # As others than the worker reach it: their writes are no points.
        self._journal = place.journal()
        watched = place.watched(trap)
        self._runner = Runner(
            journal=watched,
            artifacts=place.artifacts,
            registry=registry,
            settler=Settler(journal=watched, signal=NoSignal()),
            # Parked at once: what it waits for is leapt to.
            limits=Limits(lease_seconds=_LEASE_SECONDS, park_after=timedelta(0)),
            model=replace(ModelChoice.parse(subject.model), tap=tapped(trap)),
            clock=self._clock,
        )
        self._poller = Poller(watched, begin=self._run, clock=self._clock)
        self._jobs = Jobs(self._clock)

    def work(self) -> None:
        self._catch_up()
        while (root := self._journal.get(SESSION_ID)) is None or not root.status.is_terminal:
            opened = list(open_runs(self._journal))
            if root is None:
                now = self._clock()
                self._run(SESSION_ID, accept=self._subject.request(self._place.outside, now=now))
            elif any(run.is_due(self._clock()) for run in opened):
                self._poller.look()
            elif self._is_anybody_busy(opened) or not self._is_answered():
                self._leap(opened)

    def _catch_up(self) -> None:
        """Go on at the time the last worker died at: it may have leapt over days."""
        for run in open_runs(self._journal):
            self._clock.leap_to(run.updated_at)

    def _run(self, session_id: str, *, accept: Run | None = None) -> None:
        job = self._jobs.begin(session_id)
        if job is not None:
            self._runner.run(job, accept=accept)

    @staticmethod
    def _is_anybody_busy(opened: list[Run]) -> bool:
        """Say whether a dead worker's lease still holds."""
        return any(run.status is Status.BUSY for run in opened)

    def _leap(self, opened: list[Run]) -> None:
        """Move the clock to the first thing that comes by itself."""
        moments = [moment for run in opened if (moment := _due_at(run)) is not None]
        if not moments:
            waits = ", ".join(run.waiting_for or run.status for run in opened)
            msg = f"the run waits for {waits}, which will not come; answer callbacks with --answer"
            raise StuckError(msg)
        self._clock.leap_to(min(moments) + _A_MOMENT)

    def _is_answered(self) -> bool:
        """Answer the first open callback that has an answer, and say whether there was one."""
        for session_id in family(self._journal, SESSION_ID):
            operations = {each.operation_id: each for each in self._journal.operations(session_id)}
            for each in operations.values():
                answer = self._answer_to(each, parent=operations.get(each.parent_id or ""))
                if answer is not None and self._complete(str(each.callback_id), answer):
                    return True
        return False

    def _answer_to(self, operation: Operation, *, parent: Operation | None) -> str | None:
        is_open = operation.status is OperationStatus.STARTED
        if operation.type is not OperationType.CALLBACK or not is_open:
            return None
        answers = self._subject.answers
        # The callback of `wait_for_callback` has a name of the SDK's making, inside the one given.
        names = (operation.name, parent.name if parent else None)
        named = (answers[name] for name in names if name and name in answers)
        return next(named, answers.get(ANY))

    def _complete(self, callback_id: str, answer: str) -> bool:
        try:
            self._journal.complete_callback(callback_id, answer, now=self._clock(), by="crash test")
        except CallbackClosedError:
            return False
        return True


def _due_at(run: Run) -> datetime | None:
    """Say when a run wants a worker by itself; None if it waits for somebody."""
    if run.status is not Status.BUSY:
        return run.wake_at
    moments = [run.lease.expires_at if run.lease else None, run.wake_at]
    return max((each for each in moments if each is not None), default=None)
