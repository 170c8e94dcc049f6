"""Workers that are killed while their agent is told things: it hears each of them once."""

import pytest

from crash.pytest_plugin import CrashTest
from tests.support.steering import REGISTRY, WORDS

#: What fits into the suite. All of it: `errand crash-test listener --registry …`.
_POINTS = 14


@pytest.mark.timeout(300)
def test_what_was_said_is_heard_once(crash_test: CrashTest) -> None:
    report = crash_test("listener", registry=REGISTRY, points=_POINTS, kills=2)

    assert report.is_fine
    assert report.undisturbed.model_calls == len(WORDS) + 1
    assert report.kills >= _POINTS
