"""A crash test as one call, for tests; the fixture of `crash.pytest_plugin`."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.registry import REGISTRY
from crash import kit
from crash.kit import Plan
from crash.points import Point
from crash.pytest_plugin import SAMPLE
from crash.report import Report
from crash.subject import JournalKind, Subject
from crash.words import told


def crash_test(  # noqa: PLR0913 - what is tested and how much, by keyword
    workflow: str,
    *,
    registry: str | Path | None = None,
    prompt: str = "Crash test.",
    input: str | None = None,  # noqa: A002 - the request's own word
    model: str = "offline",
    journal: str = JournalKind.SQLITE,
    answers: Mapping[str, str] | None = None,
    points: int | Sequence[str] | None = SAMPLE,
    calls: bool = True,
    kills: int = 0,
    seed: int = 0,
    jobs: int | None = None,
    ignore: Sequence[str] = (),
    check: bool = True,
) -> Report:
    """See `crash.pytest_plugin.CrashTest`."""
    subject = Subject(
        workflow=workflow,
        prompt=prompt,
        input=input,
        registry=Path(registry or REGISTRY).absolute(),
        model=model,
        journal=JournalKind(journal),
        answers=answers or {},
    )
    plan = Plan(
        count=points if isinstance(points, int) else None,
        only=[] if points is None or isinstance(points, int) else list(map(Point.parse, points)),
        has_calls=calls,
        kills=kills,
        seed=seed,
        jobs=jobs or os.cpu_count() or 1,
        ignore=ignore,
    )
    report = kit.crash_test(subject, plan)
    if check and not report.is_fine:
        raise AssertionError("\n".join(told(report)))
    return report
