"""The kit: makes a run undisturbed, then once more for each point with its worker killed there."""

import json
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from crash import lanes
from crash.compare import Difference, is_ignored
from crash.errors import SubjectError
from crash.places import Place
from crash.points import Counted, Point, Where, sample
from crash.report import Outcome, Report, Undisturbed
from crash.story import Story
from crash.subject import JournalKind, Subject
from crash.verdict import Ending, compared, doubts, judge
from local.own_emulator import running_emulator
from runs.errors import InvalidRequestError
from runs.json_types import Json

#: A life may take so many times the undisturbed run's time, and is taken for hung after that.
_PATIENCE = 20
_LEAST_PATIENCE_SECONDS = 60.0
#: Before it is known how long a run takes.
_FIRST_PATIENCE_SECONDS = 900.0
#: Branches that run side by side may share a write. A run that so ended before its point, which is
#: then among the last, is made so often. So is one that was too fast to write a start by itself.
_TURNS = 3
#: A run is killed at random at most so often; then another is begun.
_MOST_KILLS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is tested."""

    #: How many points, chosen over the run and its kinds of writes; None is all.
    count: int | None = None
    #: These points and no others.
    only: Sequence[Point] = ()
    #: Whether to kill in the middle of model and tool calls, too.
    has_calls: bool = True
    #: How many workers to kill at random moments, besides.
    kills: int = 0
    seed: int = 0
    #: How many runs are made side by side.
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    #: Paths in which runs may differ, such as `result.generated_at`.
    ignore: Sequence[str] = ()
    #: Where to leave what the runs left; None keeps nothing.
    keep: Path | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a test is."""

    #: Of what: `undisturbed`, `points` or `kills`.
    stage: str
    done: int
    total: int
    #: What came of the last run.
    outcome: Outcome | None = None


def crash_test(
    subject: Subject, plan: Plan, *, tell: Callable[[Progress], None] = lambda _: None
) -> Report:
    """Test whether runs of a subject end as if their workers had not been killed.

    Real processes are killed by SIGKILL, and others take up what they left.

    Args:
        subject: What to run.
        plan: How much of it to kill.
        tell: Told of each run that was made.

    Raises:
        SubjectError: The subject can't be run, or has no such points.
        LaneError: A process of the kit's own ended.
    """
    _check_request(subject)
    began = time.monotonic()
    with ExitStack() as stack:
        folder = plan.keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="crash-"))
        )
        folder.mkdir(parents=True, exist_ok=True)
        endpoint = None
        if subject.journal is JournalKind.DYNAMODB:
            running = running_emulator(folder / "emulator", environ=os.environ)
            endpoint = stack.enter_context(running).endpoint
        opened = lanes.opened(subject, count=plan.jobs, folder=folder)
        test = _Test(plan, stack.enter_context(opened), folder, endpoint=endpoint, tell=tell)
        undisturbed = test.undisturbed()
        outcomes = [*test.points(), *test.random_kills()] if undisturbed.is_fine else []
    return Report(
        workflow=subject.workflow,
        journal=subject.journal.value,
        undisturbed=undisturbed,
        outcomes=outcomes,
        seed=plan.seed,
        seconds=time.monotonic() - began,
    )


class _Test:
    """The parts of one `crash_test`."""

    def __init__(
        self,
        plan: Plan,
        opened: lanes.Lanes,
        folder: Path,
        *,
        endpoint: str | None,
        tell: Callable[[Progress], None],
    ) -> None:
        self._plan = plan
        self._lanes = opened
        self._folder = folder
        self._endpoint = endpoint
        self._tell = tell
        self._usual = Ending(trace={}, story=Story())
        self._counted = Counted()
        self._patience = _FIRST_PATIENCE_SECONDS
        self._usual_seconds = 0.0

    def undisturbed(self) -> Undisturbed:
        """Make the run twice, and count what it does."""
        tasks = [self._task(f"undisturbed-{number}") for number in (1, 2)]
        answers: list[lanes.Answer] = []
        for answer in self._lanes.do(tasks):
            self._check(answer)
            answers.append(answer)
            self._tell(Progress("undisturbed", len(answers), len(tasks)))
        first, second = (self._ending(Path(answer["folder"])) for answer in answers)
        if first.story.stuck:
            raise SubjectError(first.story.stuck)
        self._usual, self._counted = first, first.story.counted()
        self._usual_seconds = min(first.story.seconds, second.story.seconds)
        self._patience = max(_LEAST_PATIENCE_SECONDS, _PATIENCE * self._usual_seconds)
        unsteady = compared(first.trace, second.trace)
        return Undisturbed(
            status=first.trace["status"],
            error=first.trace["error"],
            writes=len(self._counted.writes),
            starts=self._counted.starts,
            model_calls=len(self._counted.model_calls),
            tool_calls=len(self._counted.tool_calls),
            attempts=first.trace["attempt"],
            seconds=self._usual_seconds,
            unsteady=[each for each in unsteady if not is_ignored(each.path, self._plan.ignore)],
        )

    def points(self) -> list[Outcome]:
        """Make the run once for each point; a few times where it does not come to it."""
        chosen = self._chosen()
        outcomes: dict[Point, Outcome] = {}
        for turn in range(1, _TURNS + 1):
            left = [each for each in chosen if each not in outcomes or outcomes[each].is_missed]
            for point, outcome in self._killed_at(left, turn=turn):
                outcomes[point] = outcome
                if turn == 1 or not outcome.is_fine:
                    self._tell(Progress("points", len(outcomes), len(chosen), outcome))
        # As they come in the run, not as they were done.
        return [outcomes[point] for point in chosen]

    def _killed_at(self, points: Sequence[Point], *, turn: int) -> Iterator[tuple[Point, Outcome]]:
        folders = {f"{point}" if turn == 1 else f"{point}-{turn}": point for point in points}
        tasks = [
            self._task(folder, point=str(point), middle=self._counted.middle(point))
            for folder, point in folders.items()
        ]
        for answer in self._lanes.do(tasks):
            point = folders[Path(answer["folder"]).name]
            yield point, self._outcome(answer, name=str(point), where=point.where)

    def random_kills(self) -> Iterator[Outcome]:
        """Make runs that are killed again and again at random moments, until enough were."""
        killed = 0

        def tasks() -> Iterator[lanes.Task]:
            chance = random.Random(self._plan.seed)  # noqa: S311 - no secret
            number = 0
            while killed < self._plan.kills:
                number += 1
                yield self._task(
                    f"random-{number}",
                    kills=min(chance.randint(1, _MOST_KILLS), self._plan.kills - killed),
                    within=self._usual_seconds,
                    seed=chance.getrandbits(64),
                )

        for answer in self._lanes.do(tasks()):
            killed += answer["kills"]
            name = Path(answer["folder"]).name
            outcome = self._outcome(answer, name=name, where=Where.RANDOM)
            self._tell(Progress("kills", min(killed, self._plan.kills), self._plan.kills, outcome))
            yield outcome

    def _chosen(self) -> list[Point]:
        if self._plan.only:
            for point in self._plan.only:
                if not self._counted.has(point):
                    raise SubjectError(_no_such_point(point, self._counted))
            return list(dict.fromkeys(self._plan.only))
        has_calls = self._plan.has_calls
        if self._plan.count is None:
            return self._counted.points(has_calls=has_calls)
        return sample(self._counted, self._plan.count, has_calls=has_calls)

    def _task(self, name: str, **more: Json) -> lanes.Task:
        return {
            "folder": str(self._folder / name),
            "endpoint": self._endpoint,
            "seconds": self._patience,
            **more,
        }

    def _ending(self, folder: Path) -> Ending:
        place = Place(folder)
        trace = json.loads(place.trace.read_text(encoding="utf-8"))
        return Ending(trace=trace, story=Story.read(place.story))

    def _outcome(self, answer: lanes.Answer, *, name: str, where: Where) -> Outcome:
        folder = Path(answer["folder"])
        killed = Ending(trace={}, story=Story.read(Place(folder).story))
        found = [Difference("worker", "ended", ending)] if (ending := _bad_end(answer)) else []
        if not found:
            killed = self._ending(folder)
            kills, ignore = answer["kills"], self._plan.ignore
            found = judge(self._usual, killed, kills=kills, ignore=ignore)
        outcome = Outcome(
            name=name,
            where=where,
            what=killed.story.last_words,
            kills=answer["kills"],
            differences=found,
            repeated_calls=_repeated(self._usual, killed),
            doubts=doubts(killed),
            attempts=killed.trace.get("attempt", 0),
            seconds=answer["seconds"],
        )
        if self._plan.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
        return outcome

    def _check(self, answer: lanes.Answer) -> None:
        """Refuse a subject whose worker ends by itself before its run does."""
        if ending := _bad_end(answer):
            msg = f"nobody killed the worker, and it {ending}"
            raise SubjectError(msg)


def _check_request(subject: Subject) -> None:
    try:
        subject.request(Path(), now=datetime.now(UTC))
    except InvalidRequestError as error:
        raise SubjectError(str(error)) from error


def _bad_end(answer: lanes.Answer) -> str:
    """Say how a worker ended that was not killed and did not come to its end; else nothing."""
    if answer["is_hung"]:
        return "did not come to an end, and did nothing"
    if answer["crashed"]:
        said = Place(Path(answer["folder"])).log.read_text(errors="replace").strip()[-800:]
        return f"crashed: {said or answer['crashed']}"
    return ""


def _repeated(usual: Ending, killed: Ending) -> int:
    calls = killed.story.calls()
    return min(calls.cut, max(0, calls.made - usual.story.calls().made))


def _no_such_point(point: Point, counted: Counted) -> str:
    return (
        f"there is no point {point}: the run has {len(counted.writes)} writes, "
        f"{counted.starts} starts, {len(counted.model_calls)} model calls "
        f"and {len(counted.tool_calls)} tool calls"
    )
