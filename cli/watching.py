"""Watching a run: one scene after the other until it has ended, whatever its stack goes through."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cli.errors import LostError, NotAcceptedError, RunGoneError, UnreachableError
from cli.places import Place
from cli.reader import RunReader
from cli.scene import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a watcher waits for what may still come."""

    #: For a request to become a run.
    acceptance: timedelta = timedelta(seconds=60)
    #: For a journal that does not answer.
    trouble: timedelta = timedelta(seconds=60)
    #: For a run that was there and is not: the journal of a stack that is coming up may be empty.
    absence: timedelta = timedelta(seconds=5)
    #: Between two looks.
    interval: timedelta = timedelta(milliseconds=400)


@dataclass(slots=True, kw_only=True)
class Watcher:
    """Looks at one run again and again. It reads events only when the head has changed."""

    place: Place
    session_id: str
    clock: Callable[[], datetime]
    patience: Patience = field(default_factory=Patience)
    #: What to do when no run comes of a request, for people.
    advice: str = "run `errand doctor`"
    pause: Callable[[float], None] = time.sleep
    _reader: RunReader | None = None
    #: Since when the journal has not answered.
    _away_since: datetime | None = None
    #: Since when it has answered that there is no such run.
    _missing_since: datetime | None = None

    def scenes(self) -> Iterator[Scene]:
        """Give what is known, again and again, until the run has ended.

        Raises:
            UnreachableError: The journal did not answer for too long, or will never again.
        """
        scene = Scene(session_id=self.session_id, watched_since=self.clock())
        while True:
            scene = self._next(scene)
            yield scene
            if scene.is_over:
                return
            self.pause(self.patience.interval.total_seconds())

    def _next(self, scene: Scene) -> Scene:
        try:
            return self._look(scene)
        except LostError:
            raise
        except UnreachableError as error:
            # Its place may be another one when it is back.
            self._reader = None
            self._bear(scene, error)
            return replace(scene, news=(), trouble=f"{error}; trying again")

    def _look(self, scene: Scene) -> Scene:
        self._reader = self._reader or self.place.reader()
        run = self._reader.get(self.session_id)
        self._away_since = None
        if run is None:
            self._miss(scene)
            return replace(scene, news=(), trouble=None)
        self._missing_since = None
        if scene.run is not None and scene.run.version == run.version:
            return replace(scene, news=(), trouble=None)
        # After the head: an ending and its events are one write, so that none is missed.
        news = tuple(self._reader.events(self.session_id, after=scene.timeline.last_id))
        timeline = scene.timeline.extended(news)
        pages = self._reader.pages(run, self.clock()) if timeline.asks else {}
        return replace(scene, run=run, timeline=timeline, news=news, pages=pages, trouble=None)

    def _bear(self, scene: Scene, error: UnreachableError) -> None:
        now = self.clock()
        self._away_since, self._missing_since = self._away_since or now, None
        if now - self._away_since > self.patience.trouble:
            msg = f"{error}. `errand watch {scene.session_id}` goes on when it is back"
            raise UnreachableError(msg) from error

    def _miss(self, scene: Scene) -> None:
        now = self.clock()
        self._missing_since = self._missing_since or now
        waited = now - scene.watched_since
        if scene.run is None and waited > self.patience.acceptance:
            seconds = waited.total_seconds()
            raise NotAcceptedError(self.session_id, seconds=seconds, advice=self.advice)
        if scene.run is not None and now - self._missing_since > self.patience.absence:
            raise RunGoneError(self.session_id, where=self.place.name)
