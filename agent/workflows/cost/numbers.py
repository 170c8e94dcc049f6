"""Which numbers a text holds, and whether answers to queries hold them too."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from agent.workflows.cost.bill import Answer, Cell

_MULTIPLIERS = {
    "k": Decimal(1_000),
    "thousand": Decimal(1_000),
    "m": Decimal(1_000_000),
    "million": Decimal(1_000_000),
    "billion": Decimal(1_000_000_000),
}
#: A number by itself: not part of a word such as `m5.2xlarge`, `us-east-1` or `S3`.
_NUMBER = re.compile(
    r"""(?<![\w.,/-])[-+]?[$€£¥]?
        (?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)
        (?:\s?(?P<unit>k|K|M|thousand|million|billion)\b|\s?%|(?![\w/]|[.,:-]\w))""",
    re.VERBOSE,
)
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_WORD = re.compile(r"[\w.:/@-]*\d[\w.:/@-]*")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Number:
    """A number as a text has it, with the digits it was rounded to."""

    text: str
    value: Decimal
    #: The size of its last digit.
    unit: Decimal

    def is_rounded_from(self, exact: Decimal) -> bool:
        """Say whether an exact number, rounded as this one is, gives this one; signs aside."""
        size = abs(exact)
        return any(
            (size / self.unit).quantize(Decimal(1), rounding=rounding) * self.unit == self.value
            for rounding in (ROUND_HALF_EVEN, ROUND_HALF_UP)
        )


def numbers_in(text: str) -> list[Number]:
    """Find the numbers in a text, dates and parts of names left out."""
    return [_number(match) for match in _NUMBER.finditer(_DATE.sub(" ", text))]


class Known:
    """The numbers, dates and names that some answers hold."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self._numbers: set[Decimal] = set()
        self._words: set[str] = set()
        for answer in answers:
            self._numbers.add(Decimal(len(answer.rows)))
            self._learn_text(answer.query.sql)
            for cell in (cell for row in answer.rows for cell in row):
                self._learn(cell)

    def unknown_in(self, text: str) -> list[str]:
        """Give the numbers and dates of a text that no answer holds."""
        rest = _WORD.sub(self._without_name, text)
        dates = [date for date in _DATE.findall(rest) if date not in self._words]
        return dates + [number.text for number in numbers_in(rest) if not self._holds(number)]

    def keep_known(self, text: str) -> tuple[str, int]:
        """Leave out the sentences with numbers no answer holds; give the rest and how many."""
        sentences = [part for part in _SENTENCE.split(text.strip()) if part]
        kept = [sentence for sentence in sentences if not self.unknown_in(sentence)]
        return " ".join(kept), len(sentences) - len(kept)

    def _without_name(self, match: re.Match[str]) -> str:
        """Leave out a name that an answer holds, such as an ARN: numbers in it tell nothing."""
        word = match.group().rstrip(".:")
        is_name = word in self._words and any(character.isalpha() for character in word)
        return " " if is_name else match.group()

    def _learn(self, cell: Cell) -> None:
        match cell:
            case bool() | None:
                pass
            case int() | Decimal():
                self._numbers.add(abs(Decimal(cell)))
            case str():
                self._learn_text(cell)

    def _learn_text(self, text: str) -> None:
        self._words.update(_WORD.findall(text))
        self._words.update(dates := _DATE.findall(text))
        for date in dates:
            self._numbers.update(Decimal(part) for part in date.split("-"))
        self._numbers.update(number.value for number in numbers_in(text))

    def _holds(self, number: Number) -> bool:
        return any(number.is_rounded_from(exact) for exact in self._numbers)


def _number(match: re.Match[str]) -> Number:
    digits = Decimal(match["digits"].replace(",", ""))
    times = _MULTIPLIERS.get((match["unit"] or "").lower(), Decimal(1))
    exponent = digits.as_tuple().exponent
    unit = Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0) * times
    return Number(match.group().strip(), digits * times, unit)
