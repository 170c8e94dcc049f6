"""The state machine's definition: one file, and the values it is filled with.

The file is valid JSON with `${…}` placeholders. Numbers are filled in here (`TimeoutSeconds` must
be one in the definition); names that only the deployment knows are left to CloudFormation's
`DefinitionSubstitutions`.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("run.asl.json")

#: What the deployment substitutes.
INVOKER_ARN = "InvokerArn"
TABLE_NAME = "TableName"
BUS_NAME = "BusName"
NAMES = frozenset({INVOKER_ARN, TABLE_NAME, BUS_NAME})

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often the state machine looks, in whole seconds, and for how long at most."""

    #: At the latest after this a lost signal, a lost worker or a deadline is noticed.
    poll_seconds: int
    #: The same while a worker has the run and its heartbeats come.
    work_seconds: int
    #: How long heartbeats may stay away: longer than a lease, which is then over. The emulator
    #: does not look at them, so locally `work_seconds` is short.
    silence_seconds: int
    #: The same as the first for a parked run that has nothing to do for longer than this.
    waiting_seconds: int
    #: The same again: a run may wait for a person for a month.
    parked_seconds: int
    #: How long an execution goes on trying to get its run into the journal.
    grace_seconds: int
    #: How many times an execution looks at the journal before a new one takes over.
    max_turns: int

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 1:
                msg = f"{name} is {value}, expected at least 1"
                raise ValueError(msg)
        if self.silence_seconds >= self.work_seconds:
            msg = (
                f"silence_seconds is {self.silence_seconds}, expected less than work_seconds "
                f"({self.work_seconds})"
            )
            raise ValueError(msg)


def render(pace: Pace) -> str:
    """Give the definition with its numbers filled in; the names of `NAMES` are still to fill."""
    text = PATH.read_text(encoding="utf-8")
    for name, value in _numbers(pace).items():
        # A field that must be a number stands quoted in the file, where it has to be valid JSON.
        text = text.replace(f'"${{{name}}}"', str(value)).replace(f"${{{name}}}", str(value))
    return text


def placeholders(text: str) -> frozenset[str]:
    """Name the placeholders in a definition."""
    return frozenset(_PLACEHOLDER.findall(text))


def difference(deployed: str) -> str | None:
    """Name the first place where a deployed definition is not the one of this file.

    What is filled in, numbers and names alike, may be anything. None: it is the same.
    """
    return _difference(json.loads(PATH.read_text(encoding="utf-8")), json.loads(deployed), "")


def _difference(here: Any, there: Any, place: str) -> str | None:  # noqa: ANN401 - any JSON
    match here, there:
        case dict(), dict():
            # A state that is new or gone says more than what differs inside of one.
            if odd := sorted(here.keys() ^ there.keys()):
                return f"{place}{odd[0]}"
            found = (_difference(here[key], there[key], f"{place}{key}.") for key in here)
        case list(), list():
            if len(here) != len(there):
                return place.rstrip(".")
            pairs = enumerate(zip(here, there, strict=True))
            found = (_difference(*pair, f"{place}{n}.") for n, pair in pairs)
        case _:
            return None if _fits(here, there) else place.rstrip(".")
    return next((each for each in found if each is not None), None)


def _fits(here: Any, there: Any) -> bool:  # noqa: ANN401 - any JSON
    if not isinstance(here, str) or not _PLACEHOLDER.search(here):
        return bool(here == there)
    # Split at a group, every second part is the group's.
    parts = map(re.escape, _PLACEHOLDER.split(here)[::2])
    return re.fullmatch(".+".join(parts), str(there), re.DOTALL) is not None


def _numbers(pace: Pace) -> dict[str, int]:
    return {
        "PollSeconds": pace.poll_seconds,
        "WorkSeconds": pace.work_seconds,
        "SilenceSeconds": pace.silence_seconds,
        "WaitingSeconds": pace.waiting_seconds,
        "ParkedSeconds": pace.parked_seconds,
        "GraceSeconds": pace.grace_seconds,
        "MaxTurns": pace.max_turns,
    }
