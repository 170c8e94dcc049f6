"""What a run is asked to research, and in what: the run's prompt and input, checked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.workflows.research.errors import CorpusTooLargeError, InquiryError
from runs.json_types import Json

#: A small corpus in our own words, to try things out with.
SAMPLE = Path(__file__).parents[3] / "data" / "research-sample"

MAX_PLACES = 200
#: A file that holds the input is a page, not a book.
MAX_INPUT_BYTES = 256 * 2**10
DEFAULT_REVIEW_HOURS = 24.0
MAX_REVIEW_HOURS = 24.0 * 30

_FIELDS = ("corpus", "review", "review_hours", "topics")
_WEB = ("http://", "https://")
_FILE = "file://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What to read, and how."""

    #: Folders, files and addresses, in the order given.
    corpus: tuple[str, ...]
    #: What to research, one branch each; empty leaves it to the planner.
    topics: tuple[str, ...] = ()
    #: Whether a person must approve the report before it is published.
    is_reviewed: bool = False
    review_hours: float = DEFAULT_REVIEW_HOURS

    @classmethod
    def from_input(cls, given: str | None) -> "Inquiry":
        """Read a run's input.

        It is a folder, a file, one or more http(s) addresses, `sample` (which is also what nothing
        means), or an object with the field `corpus` and, if wanted, `topics`, `review` and
        `review_hours`: as JSON, or the path of a .json file. Paths in such a file are relative to
        it.

        Raises:
            InquiryError: It is none of these; the error names the field.
            CorpusTooLargeError: The file that should hold the object is too large.
        """
        if given is None or not given.strip() or given == "sample":
            return cls(corpus=(str(SAMPLE),))
        if given.lstrip().startswith("{"):
            return cls._from_text(given, base=Path())
        if given.startswith(_WEB):
            return cls(corpus=tuple(given.split()))
        path = Path(given.removeprefix(_FILE))
        if path.suffix.lower() == ".json" and path.is_file():
            if (size := path.stat().st_size) > MAX_INPUT_BYTES:
                limit = f"{MAX_INPUT_BYTES:,}"
                raise CorpusTooLargeError(given, size=f"{size:,} bytes", limit=limit)
            text = path.read_text(encoding="utf-8", errors="replace")
            return cls._from_text(text, base=path.parent)
        return cls(corpus=(given,))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Inquiry":
        """Read what `to_json` gave."""
        return cls(
            corpus=tuple(data["corpus"]),
            topics=tuple(data["topics"]),
            is_reviewed=data["review"],
            review_hours=data["review_hours"],
        )

    def to_json(self) -> dict[str, Json]:
        """Give it as JSON."""
        return {
            "corpus": list(self.corpus),
            "topics": list(self.topics),
            "review": self.is_reviewed,
            "review_hours": self.review_hours,
        }

    @classmethod
    def _from_text(cls, text: str, *, base: Path) -> "Inquiry":
        data = _object(text)
        for field in data:
            if field not in _FIELDS:
                wanted = ", ".join(_FIELDS)
                why = f"is unknown, expected one of: {wanted}"
                raise InquiryError(why, field=field)
        review = data.get("review", False)
        if not isinstance(review, bool):
            why = f"is {review!r}, expected true or false"
            raise InquiryError(why, field="review")
        places = _texts(data, "corpus")
        if len(places) > MAX_PLACES:
            why = f"has {len(places)} places, expected {MAX_PLACES} at most"
            raise InquiryError(why, field="corpus")
        return cls(
            corpus=tuple(_at(base, place) for place in places) or (str(SAMPLE),),
            topics=_texts(data, "topics"),
            is_reviewed=review,
            review_hours=_hours(data.get("review_hours", DEFAULT_REVIEW_HOURS)),
        )


def _object(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError as error:
        msg = f"is no JSON: {error}"
        raise InquiryError(msg) from error
    if not isinstance(data, dict):
        msg = f"is {data!r:.60}, expected an object"
        raise InquiryError(msg)
    return data


def _texts(data: Mapping[str, Any], field: str) -> tuple[str, ...]:
    value = data.get(field, ())
    if field == "corpus" and isinstance(value, str):
        value = [value]
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    if not is_list or not all(isinstance(each, str) and each.strip() for each in value):
        why = f"is {value!r:.60}, expected a list of texts"
        raise InquiryError(why, field=field)
    return tuple(value)


def _hours(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value <= MAX_REVIEW_HOURS:  # type: ignore[operator]  # a number
        why = f"is {value!r}, expected more than 0 and at most {MAX_REVIEW_HOURS:g}"
        raise InquiryError(why, field="review_hours")
    return float(value)  # type: ignore[arg-type]  # a number


def _at(base: Path, place: str) -> str:
    if place == "sample":
        return str(SAMPLE)
    return place if "://" in place else str(base / place)
