"""What was asked before, and how it differs: for whoever is asked again.

Pure, and the same for the page, the mail and the command.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from runs.asked import Approval

#: Lines of both texts that are compared; more would take seconds in the worst case.
MAX_LINES = 4_000
#: Equal lines that are given around each difference.
_CONTEXT = 3


class Sort(StrEnum):
    """What became of a line."""

    #: It is in both.
    KEPT = "kept"
    #: It is not in the text any more.
    REMOVED = "removed"
    #: It was not in the text before.
    ADDED = "added"
    #: Stands for equal lines that are left out.
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a comparison, without its end; of `LEFT_OUT` the text says how many there are."""

    sort: Sort
    text: str


def asked_before(approval: Approval, of_run: Iterable[Approval]) -> Approval | None:
    """Give what the run asked last about the same thing, and was answered; None if nothing.

    The same thing is a call of the same tool or, without a tool, a question in the same words.

    Args:
        approval: What is asked now.
        of_run: All approvals of its run.
    """
    before = [
        each
        for each in of_run
        if each.decided_at is not None
        and each.decided_at <= approval.asked_at
        and each.callback_id != approval.callback_id
        and _subject(each) == _subject(approval)
    ]
    return max(before, key=lambda each: each.asked_at, default=None)


def differences(before: str, after: str) -> tuple[Line, ...] | None:
    """Compare two texts line by line; None if they are too long for it.

    Equal texts have no differences, and give nothing.
    """
    old, new = before.split("\n"), after.split("\n")
    if len(old) + len(new) > MAX_LINES:
        return None
    # The invoker loads this module in every cold start, and compares texts in hardly any.
    from difflib import SequenceMatcher  # noqa: PLC0415

    groups = SequenceMatcher(None, old, new).get_grouped_opcodes(_CONTEXT)
    lines: list[Line] = []
    reached = 0
    for group in groups:
        lines += _left_out(group[0][1] - reached)
        for tag, *place in group:
            lines += _lines(tag, place, old, new)
        reached = group[-1][2]
    return (*lines, *_left_out(len(old) - reached)) if lines else ()


def _subject(approval: Approval) -> tuple[str | None, str]:
    question = approval.question
    return (question.tool, "" if question.tool else question.what)


def _lines(
    tag: str, place: Sequence[int], old: Sequence[str], new: Sequence[str]
) -> Iterator[Line]:
    old_start, old_end, new_start, new_end = place
    if tag == "equal":
        yield from (Line(Sort.KEPT, text) for text in old[old_start:old_end])
        return
    yield from (Line(Sort.REMOVED, text) for text in old[old_start:old_end])
    yield from (Line(Sort.ADDED, text) for text in new[new_start:new_end])


def _left_out(count: int) -> Iterator[Line]:
    if count:
        yield Line(Sort.LEFT_OUT, f"{count} equal {'line' if count == 1 else 'lines'}")
