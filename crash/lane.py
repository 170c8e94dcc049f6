"""One lane of a test: `python -m crash.lane` makes runs, one after the other, as it is told.

It reads a line of JSON for each thing to do from stdin, and answers each with one on stdout. It has
imported the workflow and forks a worker for each life: importing takes longer than a run.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.models.select import ModelChoice, preload
from agent.registry import Registry
from crash.places import Place
from crash.points import Point
from crash.subject import SESSION_ID, Subject
from crash.trace import trace_of
from crash.trap import Target
from crash.worker import live
from runs.errors import RunError
from runs.json_types import Json

#: How often a life is looked at.
_LOOK_SECONDS = 0.002
#: Who dies more often than this of one kill that was asked for dies of something else.
_MOST_LIVES = 50


@dataclass(frozen=True, slots=True)
class Life:
    """How one worker's life ended."""

    #: The signal that ended it, 0 for none.
    died_of: int
    #: Its exit code, where no signal ended it.
    code: int
    #: It took longer than any life may, and was killed for it.
    is_hung: bool = False


class Lane:
    """Makes the runs of one subject."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._registry = Registry.load(subject.registry)
        self._registry.handler(subject.workflow)
        preload(ModelChoice.parse(subject.model))

    def do(self, task: Mapping[str, Any]) -> dict[str, Json]:
        """Make a run as a task says, and tell how its workers ended.

        A task has the `folder`, the `endpoint` of a table or null, the `seconds` a life may take;
        and a `point` with its `middle`, or `kills` with a `seed` and the `within` seconds they
        come, or neither.
        """
        place = Place(Path(task["folder"]), task["endpoint"])
        place.folder.mkdir(parents=True)
        began = time.monotonic()
        lives = list(self._lives(place, task))
        read = _forked(lambda: _leave_trace(place), log=place.log)
        ended = _watch(read, seconds=task["seconds"])
        return {
            "folder": task["folder"],
            "kills": sum(life.died_of == signal.SIGKILL and not life.is_hung for life in lives),
            "is_hung": any(life.is_hung for life in lives),
            "crashed": next((life.code for life in [*lives, ended] if life.code), 0),
            "seconds": time.monotonic() - began,
        }

    def _lives(self, place: Place, task: Mapping[str, Any]) -> Iterator[Life]:
        target = _target(task)
        chance = random.Random(task.get("seed"))  # noqa: S311 - no secret
        kills_left = task.get("kills", 0)
        for number in range(1, _MOST_LIVES + kills_left):
            at = chance.uniform(0, task["within"]) if kills_left else None
            worker = self._worker(place, number, target if number == 1 else None)
            life = _watch(worker, seconds=task["seconds"], kill_at=at)
            kills_left = max(0, kills_left - 1)
            yield life
            if life.is_hung or life.died_of != signal.SIGKILL:
                return

    def _worker(self, place: Place, life: int, target: Target | None) -> int:
        def work() -> None:
            live(self._subject, place, self._registry, life=life, target=target)

        return _forked(work, log=place.log)


def _target(task: Mapping[str, Any]) -> Target | None:
    point = task.get("point")
    return None if point is None else Target(Point.parse(point), task["middle"])


def _leave_trace(place: Place) -> None:
    trace = trace_of(place.journal(), SESSION_ID, outside=place.outside)
    place.trace.write_text(json.dumps(trace), encoding="utf-8")
    place.remove_table()


def _forked(work: Callable[[], None], *, log: Path) -> int:
    """Do some work in a process of its own, and give its id; what it prints goes to a file."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        _print_to(log)
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - it must be in the log, whatever it is
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Nothing of the lane's is cleaned up here, and no thread is waited for.
        os._exit(code)


def _print_to(log: Path) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(file, stream)


def _watch(child: int, *, seconds: float, kill_at: float | None = None) -> Life:
    """Wait for a process to end; kill it when its time has come."""
    began = time.monotonic()
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        age = time.monotonic() - began
        if pid:
            died_of = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0
            return Life(died_of, code, is_hung=age > seconds)
        if age > seconds or (kill_at is not None and age > kill_at):
            os.kill(child, signal.SIGKILL)
        time.sleep(_LOOK_SECONDS)


def main() -> None:
    """Do as the lines on stdin say, until there are no more."""
    # Whoever started the lane ends it; Ctrl-C in a terminal is for them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "w")
    # What a workflow prints when it is imported is no answer.
    os.dup2(2, 1)
    subject = Subject.from_json(json.loads(sys.stdin.readline()))
    try:
        lane = Lane(subject)
    except RunError as error:
        _answer(answers, {"refused": str(error)})
        return
    except (OSError, ValueError) as error:
        why = f"the registry {str(subject.registry)!r} can't be read: {error}"
        _answer(answers, {"refused": why})
        return
    _answer(answers, {"ready": True})
    for line in sys.stdin:
        _answer(answers, lane.do(json.loads(line)))


def _answer(answers: Any, shape: Mapping[str, Json]) -> None:  # noqa: ANN401 - a text stream
    answers.write(f"{json.dumps(shape)}\n")
    answers.flush()


if __name__ == "__main__":
    main()
