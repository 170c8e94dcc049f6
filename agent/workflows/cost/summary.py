"""What is known of a bill once it is loaded; later steps need nothing else besides its file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from runs.json_types import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The facts of a loaded bill."""

    #: The file's own name, without the folders it was in.
    name: str
    format: str
    #: Of the file as it was given.
    sha256: str
    #: Of the normalised bill, so that a later step knows it reads what was loaded.
    bill_sha256: str
    rows: int
    #: First day with charges, and the last.
    first_day: date
    last_day: date
    #: The one with most rows first.
    currencies: tuple[str, ...]
    providers: tuple[str, ...]
    #: Normalised columns the bill does not have, or has nothing in.
    absent: tuple[str, ...]
    #: Rows without an effective cost; they count as zero.
    rows_without_cost: int
    #: Rows of charges longer than a day; they are in no daily figure.
    rows_over_a_day: int

    def to_json(self) -> dict[str, Json]:
        """Give the summary as JSON."""
        return {
            **asdict(self),
            "first_day": self.first_day.isoformat(),
            "last_day": self.last_day.isoformat(),
            "currencies": list(self.currencies),
            "providers": list(self.providers),
            "absent": list(self.absent),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Summary":
        """Read back what `to_json` gave."""
        return cls(
            **{
                **data,
                "first_day": date.fromisoformat(data["first_day"]),
                "last_day": date.fromisoformat(data["last_day"]),
                "currencies": tuple(data["currencies"]),
                "providers": tuple(data["providers"]),
                "absent": tuple(data["absent"]),
            }
        )
