"""Approvals that ask in the same words: each is listed with the words in which it differs."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from os.path import commonprefix

from cli import text
from runs.asked import Approval
from runs.journal.base import Asked

#: Characters of the content: enough to know a text again, and room for what is asked.
_EXCERPT = 40


def asking_words(approvals: Sequence[Asked]) -> Mapping[str, str]:
    """Say in a line what is asked, by the ids of the callbacks.

    Where several ask the same, the words come first in which each differs: a narrow list cuts off
    what comes last.
    """
    alike = defaultdict[str, list[Approval]](list)
    for asked in approvals:
        alike[text.one_line(asked.approval.question.what)].append(asked.approval)
    return {
        approval.callback_id: f"“{excerpt}” {what}" if excerpt else what
        for what, group in alike.items()
        for approval, excerpt in zip(group, _excerpts(group), strict=True)
    }


def _excerpts(group: Sequence[Approval]) -> Sequence[str]:
    """Give the first words in which the approvals of a group differ; nothing where none do."""
    for texts in (
        [text.one_line(each.shown) for each in group],
        [text.one_line(json.dumps(each.arguments, ensure_ascii=False)) for each in group],
    ):
        if len(set(texts)) > 1:
            start = commonprefix(texts).rfind(" ") + 1  # noqa: RUF071 - texts, not paths
            return [_excerpt(each, start) for each in texts]
    return [""] * len(group)


def _excerpt(line: str, start: int) -> str:
    said = line[start:]
    cut = f"{said[: _EXCERPT - 1]}…" if len(said) > _EXCERPT else said
    return f"…{cut}" if start else cut
