"""What came of a crash test."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from crash.compare import Difference
from crash.points import Where
from runs.json_types import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one run whose worker was killed."""

    #: The point as it is typed, or the number of a run with random kills.
    name: str
    where: Where
    #: What the worker was at when it died.
    what: str
    #: How often it was killed.
    kills: int
    differences: Sequence[Difference]
    #: Model calls made once more because a worker died in them.
    repeated_calls: int
    #: Tool calls of which nobody knows whether they took effect, and the agent was told so.
    doubts: Sequence[str]
    attempts: int
    seconds: float

    @property
    def is_fine(self) -> bool:
        """Say whether the run ended as if it had not been killed."""
        return not self.differences

    @property
    def is_missed(self) -> bool:
        """Say whether the run was over before its point: shorter than the undisturbed one."""
        return self.kills == 0 and self.is_fine

    def to_json(self) -> dict[str, Json]:
        """Give the outcome as data."""
        return {
            "point": self.name,
            "what": self.what,
            "ok": self.is_fine,
            "kills": self.kills,
            "differences": _listed(self.differences),
            "repeated_calls": self.repeated_calls,
            "in_doubt": list(self.doubts),
            "attempts": self.attempts,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """What the run does when nobody kills it."""

    status: str
    error: str | None
    writes: int
    #: Starts that were written by themselves, which are no points of `writes`.
    starts: int
    model_calls: int
    tool_calls: int
    attempts: int
    seconds: float
    #: Where two undisturbed runs differ: nothing can be told of killed ones then.
    unsteady: Sequence[Difference]

    @property
    def is_fine(self) -> bool:
        """Say whether killed runs can be compared with it."""
        return self.status == "COMPLETED" and not self.unsteady

    def to_json(self) -> dict[str, Json]:
        """Give it as data."""
        return {
            **{name: value for name, value in asdict(self).items() if name != "unsteady"},
            "unsteady": _listed(self.unsteady),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of a crash test."""

    workflow: str
    journal: str
    undisturbed: Undisturbed
    outcomes: Sequence[Outcome]
    #: The seed of the random kills.
    seed: int
    seconds: float

    @property
    def is_fine(self) -> bool:
        """Say whether every run ended as if it had not been killed."""
        return self.undisturbed.is_fine and not self.failures

    @property
    def failures(self) -> list[Outcome]:
        """Give the runs that did not."""
        return [outcome for outcome in self.outcomes if not outcome.is_fine]

    @property
    def kills(self) -> int:
        """Count the workers that were killed."""
        return sum(outcome.kills for outcome in self.outcomes)

    def rows(self) -> list["Row"]:
        """Sum up by where the workers were killed."""
        found = [(where, [o for o in self.outcomes if o.where is where]) for where in Where]
        return [Row.of(where, outcomes) for where, outcomes in found if outcomes]

    def to_json(self) -> dict[str, Json]:
        """Give the report as data; see docs/crash-testing.md."""
        return {
            "workflow": self.workflow,
            "journal": self.journal,
            "ok": self.is_fine,
            "undisturbed": self.undisturbed.to_json(),
            "rows": [row.to_json() for row in self.rows()],
            "points": [outcome.to_json() for outcome in self.outcomes],
            "seed": self.seed,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The runs whose workers were killed at points of one kind."""

    where: Where
    points: int
    ok: int
    kills: int
    not_reached: int
    repeated_calls: int
    in_doubt: int
    seconds: float

    @classmethod
    def of(cls, where: Where, outcomes: Sequence[Outcome]) -> "Row":
        """Sum up."""
        return cls(
            where=where,
            points=len(outcomes),
            ok=sum(outcome.is_fine for outcome in outcomes),
            kills=sum(outcome.kills for outcome in outcomes),
            not_reached=sum(outcome.is_missed for outcome in outcomes),
            repeated_calls=sum(outcome.repeated_calls for outcome in outcomes),
            in_doubt=sum(bool(outcome.doubts) for outcome in outcomes),
            seconds=sum(outcome.seconds for outcome in outcomes),
        )

    def to_json(self) -> dict[str, Json]:
        """Give the row as data."""
        return {**asdict(self), "where": self.where.value, "seconds": round(self.seconds, 3)}


def _listed(differences: Sequence[Difference]) -> list[Json]:
    return [asdict(difference) for difference in differences]
