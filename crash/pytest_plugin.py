"""The fixture `crash_test`, for tests of one's own workflows; pytest finds it by itself.

def test_release_notes_survive(crash_test):
    crash_test("release-notes", input="changes.txt", prompt="For 2.0", registry="registry.toml")
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from crash.report import Report

#: What a sample in a test suite may cost; `points=None` is every point there is.
SAMPLE = 20


class CrashTest(Protocol):
    """What the fixture gives."""

    def __call__(  # noqa: PLR0913 - what is tested and how much, by keyword
        self,
        workflow: str,
        *,
        registry: str | Path | None = None,
        prompt: str = ...,
        input: str | None = None,  # noqa: A002 - the request's own word
        model: str = ...,
        journal: str = ...,
        answers: Mapping[str, str] | None = None,
        points: int | Sequence[str] | None = ...,
        calls: bool = ...,
        kills: int = ...,
        seed: int = ...,
        jobs: int | None = None,
        ignore: Sequence[str] = ...,
        check: bool = ...,
    ) -> "Report":
        """Kill a workflow's worker at its writes and calls; see `docs/crash-testing.md`.

        Fails the test where a killed run does not end as the undisturbed one does.

        Args:
            workflow: Its name in the registry.
            registry: The registry file; the workflows that ship without it.
            prompt: What is asked.
            input: What the workflow works on.
            model: As in `ERRAND_MODEL`, such as `recorded:answers.json`.
            journal: `sqlite` or `dynamodb`.
            answers: What callbacks are answered with, by name; `""` is all others.
            points: How many to choose, which (`["17-after"]`), or None for all.
            calls: Whether to kill in the middle of model and tool calls, too.
            kills: How many workers to kill at random moments, besides.
            seed: Of the random moments.
            jobs: How many runs are made side by side; one per core without it.
            ignore: Paths in which runs may differ, such as `result.generated_at`.
            check: Whether to fail the test; without, look at the report yourself.

        Returns:
            The report.
        """
        ...


@pytest.fixture
def crash_test() -> Callable[..., "Report"]:
    """Kill a workflow's worker at its writes and calls, and compare how its runs end."""
    # Here, not above: pytest loads this module in every project that has Errand installed.
    from crash.testing import crash_test as made  # noqa: PLC0415

    return made
