"""What is known of a run at one moment of watching it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cli.timeline import Timeline
from runs.journal.base import Recorded
from runs.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is known of a run at one moment of watching it."""

    session_id: str
    watched_since: datetime
    run: Run | None = None
    timeline: Timeline = field(default_factory=Timeline)
    #: The events that the scene before this one did not have.
    news: tuple[Recorded, ...] = ()
    #: Where what is asked is decided, by the approval's id.
    pages: Mapping[str, str] = field(default_factory=dict)
    #: Why the journal can't be read at the moment.
    trouble: str | None = None

    @property
    def is_over(self) -> bool:
        """Say whether the run has ended."""
        return self.run is not None and self.run.status.is_terminal
