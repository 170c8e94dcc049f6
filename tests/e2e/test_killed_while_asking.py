"""Workers that are killed around the questions of an agent: each is asked, and acted upon, once."""

import json

import pytest

from crash.pytest_plugin import CrashTest
from tests.support.asking import REGISTRY

#: What fits into the suite. All of it: `errand crash-test poster --registry …`.
_POINTS = 14


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "answer",
    [
        {"decision": "approved", "content": "edited"},
        {"decision": "denied", "comment": "no"},
    ],
    ids=["edited", "denied"],
)
def test_what_was_decided_is_done_once(answer: dict[str, str], crash_test: CrashTest) -> None:
    report = crash_test(
        "poster",
        registry=REGISTRY,
        answers={"": json.dumps(answer)},
        points=_POINTS,
        kills=2,
    )

    assert report.is_fine
    assert report.undisturbed.model_calls == 3
    assert report.kills >= _POINTS
