"""What a command line asks for, as the detail of a request."""

from pathlib import Path

import pytest

from cli.errors import UsageError
from cli.request import Wish, request_of, resolved_input, workflows
from runs.ids import session_id_for

SESSION = "0b9f6c1e-0000-4000-8000-000000000001"


def test_nothing_given_is_the_default_workflow_with_its_own_question() -> None:
    detail = request_of(Wish(), is_remote=False)

    assert detail["workflow"] == "cost-analysis"
    assert detail["prompt"]
    assert "input" not in detail


def test_every_request_has_a_session_id_of_its_own() -> None:
    first, second = (request_of(Wish(), is_remote=False)["session_id"] for _ in range(2))

    assert first != second


def test_a_session_id_is_sent_as_it_was_given() -> None:
    assert request_of(Wish(session_id=SESSION), is_remote=False)["session_id"] == SESSION


def test_the_same_key_is_the_same_run() -> None:
    detail = request_of(Wish(idempotency_key="bill-2026-01"), is_remote=False)

    assert detail["session_id"] == session_id_for("bill-2026-01")


def test_a_relative_input_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    detail = request_of(Wish(input="bills/may.csv"), is_remote=False)

    assert detail["input"] == str(tmp_path / "bills" / "may.csv")


def test_a_word_is_a_word_unless_there_is_a_file_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bill").touch()

    assert resolved_input("aws", is_remote=False) == "aws"
    assert resolved_input("bill", is_remote=False) == str(tmp_path / "bill")


def test_addresses_stay_as_they_are_wherever_the_agent_is() -> None:
    assert resolved_input("s3://bills/may.csv", is_remote=True) == "s3://bills/may.csv"


def test_a_file_here_is_refused_when_the_agent_is_elsewhere() -> None:
    with pytest.raises(UsageError, match=r"'./may.csv', which the agent on AWS can't read"):
        resolved_input("./may.csv", is_remote=True)


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (Wish(workflow="nope"), "WORKFLOW: is 'nope', expected one of: .*cost-analysis"),
        (Wish(session_id="short"), "--session-id: has 5 characters, expected 33"),
        (Wish(session_id="x" * 300), "--session-id: has 300 characters"),
        (Wish(prompt=" "), "--prompt: is empty"),
        (Wish(prompt="a\x01"), r"--prompt: has the control character U\+0001"),
        (Wish(prompt="x" * 10_000_000), "--prompt: has 10,000,000 characters"),
        (Wish(input=""), "--input: has 0 characters"),
        (Wish(deadline_seconds=0.5), "--deadline-seconds: is 0.5, expected 1"),
        (Wish(max_attempts=0), "--max-attempts: is 0, expected 1"),
        (Wish(max_tokens=0), "--max-tokens: is 0, expected 1"),
        (Wish(max_cost_usd=0), r"--max-cost: is 0, expected 0\.0001"),
        (Wish(max_seconds=0.5), "--max-seconds: is 0.5, expected 1"),
    ],
)
def test_what_the_invoker_would_refuse_is_refused_here_by_the_options_name(
    wish: Wish, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        request_of(wish, is_remote=False)


def test_the_workflows_are_those_of_the_registry() -> None:
    assert "cost-analysis" in workflows()
