"""What cdk-nag finds: nothing but what was accepted, with a reason each."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.template import Synthesise, Synthesised


@pytest.fixture(params=["code", "container", "full"])
def report(request: pytest.FixtureRequest, synthesise: Synthesise) -> dict[str, Any]:
    """What cdk-nag told of a template; a finding that nobody accepted fails its synthesis."""
    made: Synthesised
    match request.param:
        case "full":
            made = request.getfixturevalue("in_full")
        case "container":
            made = synthesise({"target": "aws", "artifact": "container", "durable": "off"})
        case _:
            made = synthesise({"target": "aws"})
    reports = json.loads((made.file.parent / "validation-report.json").read_text())
    (found,) = (it for it in reports["pluginReports"] if it["pluginName"] == "AwsSolutions")
    return dict(found)


def test_nothing_is_open(report: dict[str, Any]) -> None:
    assert report["conclusion"] == "success"
    assert report["violations"] == []


def test_each_finding_was_accepted_for_a_reason(report: dict[str, Any]) -> None:
    accepted = report["suppressedViolations"]

    assert accepted
    assert not [it["ruleName"] for it in accepted if len(it["reason"].split()) < 5]


def test_what_is_accepted_are_wildcards_and_a_few_known_exceptions(
    report: dict[str, Any],
) -> None:
    kinds = {it["ruleName"].partition("[")[0] for it in report["suppressedViolations"]}

    assert kinds <= {
        "AwsSolutions-APIG4",
        "AwsSolutions-IAM5",
        "AwsSolutions-L1",
        "AwsSolutions-S1",
        "AwsSolutions-SF1",
        "AwsSolutions-SMG4",
        "AwsSolutions-SQS3",
    }


def test_what_nobody_accepted_fails_the_synthesis(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from infra import app, functions  # noqa: PLC0415 - the CDK, see `synthesise`

    monkeypatch.setattr(functions, "accept", lambda *_, **__: None)

    output = ["-o", str(tmp_path)]
    with pytest.raises(SystemExit, match=r"infra\.app: cdk-nag found what nobody accepted"):
        app.main(["-c", "target=aws", "-c", "artifact=container", "-c", "durable=off", *output])
