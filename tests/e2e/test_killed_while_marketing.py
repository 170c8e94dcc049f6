"""`marketing-post` with workers killed at every kind of write: one post, as it was approved."""

import json

import pytest

from crash.pytest_plugin import CrashTest
from tests.support.marketing import REGISTRY

#: What fits into the suite. All of it: `errand crash-test marketing-post --registry …`.
_POINTS = 8


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"decision": "approved"}, "published"),
        ({"decision": "approved", "content": "As a person wrote it 🦄"}, "published"),
        ({"decision": "denied", "comment": "No."}, "denied"),
    ],
    ids=["approved", "edited", "denied"],
)
def test_what_was_decided_is_published_once(
    answer: dict[str, str], status: str, crash_test: CrashTest
) -> None:
    report = crash_test(
        "marketing-post",
        registry=REGISTRY,
        prompt="Tell of our pink unicorns.",
        answers={"": json.dumps(answer)},
        points=_POINTS,
        kills=1,
    )

    assert report.is_fine
    assert report.undisturbed.status == "COMPLETED"
    assert report.undisturbed.model_calls == (3 if status == "published" else 5)
    assert report.kills >= _POINTS
