"""A report that a person must approve: it waits, and their word decides, in each of its homes."""

import json
from pathlib import Path
from typing import Any

import pytest

from runs.approvals import Verdict
from runs.asked import Approval, ApprovalState, Person
from runs.deciding import Ballot
from runs.run import Run, Status
from tests.support.homes import Home, everywhere, files_of
from tests.support.research import write

ADA = Person(name="Ada", origin="a test")


@pytest.fixture
def wish(tmp_path: Path) -> str:
    return json.dumps({"corpus": str(write(tmp_path)), "review": True, "review_hours": 2})


def approval_of(home: Home) -> Approval:
    found = home.journal.approvals(home.head().session_id)
    assert len(found) == 1
    return found[0]


def decide(home: Home, verdict: Verdict, comment: str = "", content: str | None = None) -> Run:
    shown = approval_of(home)
    ballot = Ballot(verdict=verdict, person=ADA, hash=shown.hash, comment=comment, content=content)
    return home.decide(ballot)


def result(run: Run) -> dict[str, Any]:
    assert isinstance(run.result, dict), run.error
    return run.result


def test_a_report_waits_for_its_reviewer_with_a_draft(home: Home, wish: str) -> None:
    run = home.run(wish)

    assert run.status is Status.WAITING
    assert {it.name for it in run.artifacts} == {"draft.md", "passages.json"}
    draft = files_of(home)["draft.md"].decode()
    approval = approval_of(home)
    assert approval.state is ApprovalState.OPEN
    assert approval.question.what.startswith("publish the research report “")
    assert approval.question.content == draft
    assert draft.startswith("# Research report\n")
    assert run.progress.message == "draft.md waits for a person to approve or deny it"


def test_an_approved_report_is_published_with_the_comment(home: Home, wish: str) -> None:
    paid = home.run(wish).usage.model_calls

    run = decide(home, Verdict.APPROVED, "Fine.")

    assert run.status is Status.COMPLETED
    expected = {"decision": "approved", "comment": "Fine.", "by": "Ada", "edited": False}
    assert result(run)["review"] == expected
    assert set(result(run)["artifacts"]) == {it.name for it in run.artifacts}
    text = files_of(home)["report.md"].decode()
    assert "Reviewed by a person: approved by Ada, with the comment “Fine.”" in text
    assert run.usage.model_calls == paid
    assert approval_of(home).state is ApprovalState.APPROVED


@everywhere
def test_a_reviewer_s_own_version_is_published(home: Home, wish: str) -> None:
    home.run(wish)

    run = decide(home, Verdict.APPROVED, content="# Shorter\n")

    assert result(run)["review"]["edited"] is True
    expected = "# Shorter\n- Reviewed by a person: approved by Ada, edited\n"
    assert files_of(home)["report.md"].decode() == expected
    assert files_of(home)["draft.md"].startswith(b"# Research report\n")


def test_a_denied_report_is_not_published(home: Home, wish: str) -> None:
    home.run(wish)

    run = decide(home, Verdict.DENIED, "Too short.")

    assert run.status is Status.COMPLETED
    assert result(run)["headline"] == "Denied: Too short."
    assert {it.name for it in run.artifacts} == {"draft.md", "passages.json"}


def test_an_answer_that_can_not_be_read_publishes_nothing(home: Home, wish: str) -> None:
    home.run(wish)

    run = home.answer("ok!")

    assert result(run)["review"]["decision"] == "denied"
    assert "'ok!', expected an object" in result(run)["review"]["comment"]
    assert approval_of(home).state is ApprovalState.DENIED


@everywhere
def test_a_question_that_could_not_be_asked_publishes_nothing(home: Home, wish: str) -> None:
    home.run(wish)

    run = home.refuse("the mail bounced")

    assert result(run)["review"]["comment"] == "the mail bounced"
    assert "report.md" not in files_of(home)


@everywhere
def test_no_answer_in_time_publishes_nothing_and_says_so(home: Home, tmp_path: Path) -> None:
    # As short as can be: the Lambda home waits in real time.
    wish = {"corpus": str(write(tmp_path)), "review": True, "review_hours": 1 / 3600}
    home.run(json.dumps(wish))

    run = home.wait()

    assert run.status is Status.COMPLETED
    assert result(run)["headline"] == "Denied: nobody answered within 0:00:01"
    assert "report.md" not in files_of(home)
    assert approval_of(home).state is ApprovalState.EXPIRED
