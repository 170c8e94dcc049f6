"""A journal that does not answer is waited for, but not for longer than was allowed."""

import threading
from types import SimpleNamespace

import pytest

from agent.patience import patiently
from runs.errors import JournalUnavailableError


class HangingJournal:
    """Does not answer a number of calls, each of which takes its time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, seconds: float, failures: int) -> None:
        self._now, self._seconds, self._failures = 0.0, seconds, failures
        self.calls = 0
        monkeypatch.setattr("agent.patience.time", SimpleNamespace(monotonic=lambda: self._now))

    def call(self) -> int:
        self._now += self._seconds
        self.calls += 1
        if self.calls <= self._failures:
            msg = "no answer"
            raise JournalUnavailableError(msg)
        return self.calls


def test_calls_are_repeated_until_one_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = HangingJournal(monkeypatch, seconds=0.1, failures=3)

    assert patiently(journal.call, seconds=30) == 4


def test_the_time_that_calls_hang_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = HangingJournal(monkeypatch, seconds=15, failures=1_000)

    with pytest.raises(JournalUnavailableError):
        patiently(journal.call, seconds=30)

    assert journal.calls == 2


def test_without_patience_there_is_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = HangingJournal(monkeypatch, seconds=0, failures=1_000)

    with pytest.raises(JournalUnavailableError):
        patiently(journal.call, seconds=0)

    assert journal.calls == 1


def test_who_is_stopping_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    journal, stop = HangingJournal(monkeypatch, seconds=0, failures=1_000), threading.Event()
    stop.set()

    with pytest.raises(JournalUnavailableError):
        patiently(journal.call, seconds=30, stop=stop)

    assert journal.calls == 1
