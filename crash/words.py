"""A report's findings in words, for terminals and failed tests alike."""

import json
from collections.abc import Iterator, Sequence

from crash.compare import Difference
from crash.points import Where
from crash.report import Outcome, Report, Undisturbed
from runs.json_types import Json

#: Differences of one run that are told; the others are counted.
_MOST_DIFFERENCES = 8
_MOST_CHARACTERS = 300


def told(report: Report) -> Iterator[str]:
    """Say what is wrong, a line each: what was being done, what differs, wanted and got."""
    yield from told_undisturbed(report.undisturbed)
    for outcome in report.failures:
        yield from told_outcome(outcome)


def told_outcome(outcome: Outcome) -> Iterator[str]:
    """Say what is wrong with one run."""
    if outcome.where is Where.RANDOM:
        yield f"{outcome.name}: killed {outcome.kills} times at random moments"
    elif outcome.kills:
        yield f"{outcome.name}: killed at {outcome.what}"
    else:
        yield f"{outcome.name}: not killed, since the run did not come to it"
    yield from _told_differences(outcome.differences)


def told_undisturbed(undisturbed: Undisturbed) -> Iterator[str]:
    """Say why killed runs can't be compared with the undisturbed one; nothing if they can."""
    if undisturbed.unsteady:
        yield "two undisturbed runs differ, so killed ones can't be compared with them:"
        yield from _told_differences(undisturbed.unsteady)
        yield "make them alike, or say that they may differ there with --ignore PATH"
    elif not undisturbed.is_fine:
        yield f"the undisturbed run is {undisturbed.status}: {undisturbed.error}"


def _told_differences(differences: Sequence[Difference]) -> Iterator[str]:
    for difference in differences[:_MOST_DIFFERENCES]:
        yield f"  {difference.path}"
        yield f"    wanted {_short(difference.wanted)}"
        yield f"    got    {_short(difference.got)}"
    if len(differences) > _MOST_DIFFERENCES:
        yield f"  and {len(differences) - _MOST_DIFFERENCES} more"


def _short(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"
