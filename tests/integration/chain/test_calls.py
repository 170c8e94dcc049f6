"""What policies are made from is what the code calls now: each role is recorded doing all it does.

When they differ: `make calls` writes down what they are now, and the constructs of `infra/` say
on which resource each role may do it (docs/operations.md, "When a call to AWS is added").
"""

import json
import os
from pathlib import Path

import pytest
from aws_durable_execution_sdk_python_testing.executor import Executor

from infra.calls import RECORDED
from tests.support.lambda_service import CREDENTIALS
from tests.support.recorded_scenarios import record


@pytest.mark.timeout(300)
def test_the_recorded_calls_are_those_of_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Executor, "RETRY_BACKOFF_SECONDS", 0)
    # The Lambda service's own client signs its calls.
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)

    calls = record(tmp_path)
    if os.environ.get("ERRAND_CALLS_ANEW"):
        RECORDED.write_text(json.dumps(calls, indent=2) + "\n", encoding="utf-8")

    assert calls == json.loads(RECORDED.read_text(encoding="utf-8"))
