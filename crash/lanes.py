"""Lanes as seen from the kit: processes that make runs side by side."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from crash.errors import LaneError, SubjectError
from crash.subject import Subject
from runs.json_types import Json

Task = Mapping[str, Json]
Answer = Mapping[str, Any]


class Lane:
    """One process that makes runs, one after the other."""

    def __init__(self, subject: Subject, *, log: Path) -> None:
        self._log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "crash.lane"],
                # What can be imported here can be imported there: a test's own workflow, say.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(_paths())},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                # A group of its own, for its workers to be ended with it.
                start_new_session=True,
            )
        self._say(subject.to_json())

    def wait_until_ready(self) -> None:
        """Wait for the workflow to be imported.

        Raises:
            SubjectError: It can't be.
        """
        answer = self._hear()
        if "refused" in answer:
            raise SubjectError(answer["refused"])

    def do(self, task: Task) -> Answer:
        """Have a run made.

        Raises:
            LaneError: The process is gone.
        """
        self._say(task)
        return self._hear()

    def end(self) -> None:
        """End the process, and a worker it has; once is enough, and more often does no harm."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def _say(self, shape: Mapping[str, Json]) -> None:
        if self._process.stdin is None:
            raise self._gone()
        try:
            self._process.stdin.write(f"{json.dumps(shape)}\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._gone() from error

    def _hear(self) -> Answer:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise self._gone()
        answer: Answer = json.loads(line)
        return answer

    def _gone(self) -> LaneError:
        said = self._log.read_text(errors="replace").strip()[-800:]
        return LaneError(f"a lane of the crash test ended: {said or 'without a word'}")


class Lanes:
    """Some lanes, and the work they share."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._lanes = lanes

    def do(self, tasks: Iterable[Task]) -> Iterator[Answer]:
        """Have runs made, and give how each went as soon as it has; in any order.

        Tasks are taken from the iterable as lanes become free.
        """
        waiting = iter(tasks)
        ended: SimpleQueue[tuple[Lane, Future[Answer]]] = SimpleQueue()

        def begin(lane: Lane) -> int:
            for task in islice(waiting, 1):
                future = threads.submit(lane.do, task)
                future.add_done_callback(lambda done: ended.put((lane, done)))
                return 1
            return 0

        with ThreadPoolExecutor(len(self._lanes)) as threads:
            try:
                busy = sum(begin(lane) for lane in self._lanes)
                while busy:
                    lane, done = ended.get()
                    yield done.result()
                    busy += begin(lane) - 1
            except BaseException:
                # Else the pool would wait for runs nobody wants any more.
                for each in self._lanes:
                    each.end()
                raise


@contextmanager
def opened(subject: Subject, *, count: int, folder: Path) -> Iterator[Lanes]:
    """Open lanes for the block; whatever the block does, nothing is left running.

    Raises:
        SubjectError: The workflow can't be imported.
    """
    with ExitStack() as stack:
        lanes = []
        for number in range(count):
            lane = Lane(subject, log=folder / f"lane-{number}.log")
            stack.callback(lane.end)
            lanes.append(lane)
        for lane in lanes:
            lane.wait_until_ready()
        yield Lanes(lanes)


def _paths() -> list[str]:
    # The empty path is the folder this process is in.
    return [path or str(Path.cwd()) for path in sys.path]
