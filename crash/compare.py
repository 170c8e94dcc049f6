"""Where two values of JSON differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from runs.json_types import Json


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be."""

    #: Where it is: `result.findings[2].amount`.
    path: str
    wanted: Json
    got: Json


#: Stands for what is not there; a value of its own, since JSON's null is one.
ABSENT = "(absent)"


def differences(wanted: Json, got: Json, path: str = "") -> Iterator[Difference]:
    """Give the places where a value is not the wanted one, each as deep as it is."""
    match wanted, got:
        case (Mapping(), Mapping()):
            for name in (*wanted, *(name for name in got if name not in wanted)):
                inner = f"{path}.{name}" if path else str(name)
                yield from differences(wanted.get(name, ABSENT), got.get(name, ABSENT), inner)
        case (str(), _) | (_, str()):
            if wanted != got:
                yield Difference(path, wanted, got)
        case (Sequence(), Sequence()):
            for at in range(max(len(wanted), len(got))):
                here, there = _at(wanted, at), _at(got, at)
                yield from differences(here, there, f"{path}[{at}]")
        case _:
            # Python's True is its 1, JSON's is not.
            if wanted != got or isinstance(wanted, bool) is not isinstance(got, bool):
                yield Difference(path, wanted, got)


def is_ignored(path: str, patterns: Sequence[str]) -> bool:
    """Say whether a path, or what it is inside of, is one of the patterns; `*` is anything."""
    # Brackets are indexes here, not sets of characters.
    literal = [pattern.replace("[", "[[]") for pattern in patterns]
    return any(
        fnmatchcase(path, each + inside) for each in literal for inside in ("", ".*", "[[]*")
    )


def _at(values: Sequence[Json], place: int) -> Json:
    return values[place] if place < len(values) else ABSENT
