"""A run on the stack asks a person, gives up its session, and goes on when they have decided."""

import json
import time
from typing import Any

import requests

from runs.events import EventType
from runs.run import Status
from tests.support.cli import errand
from tests.support.pages import Page
from tests.support.stack import LocalStack

SECONDS = 60


def open_approval(stack: LocalStack, session_id: str) -> dict[str, Any]:
    """Wait until a run asks something, and give it as the command does."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        listed = errand("approvals", "--json", environ=stack.environ)
        found = [each for each in json.loads(listed.stdout) if each["session_id"] == session_id]
        if found:
            only: dict[str, Any] = found[0]
            return only
    raise AssertionError(stack.journal.get(session_id))


def ask_for_review(stack: LocalStack) -> str:
    """Send a run that asks whether its report may be published."""
    wish = ("--prompt", "What do crashes cost?", "--input", json.dumps({"review": True}))
    sent = errand("send", "research-report", *wish, environ=stack.environ)
    assert sent.returncode == 0, sent.stderr
    return sent.stdout.strip()


def browse(method: str, url: str, **fields: str) -> Page:
    """Get a page, or send a form, as a browser does."""
    with requests.Session() as session:
        session.trust_env = False  # a proxy is not for loopback
        answer = session.request(
            method, url, data=fields or None, headers={"accept": "text/html"}, timeout=30
        )
    return Page(answer.status_code, answer.headers, answer.text)


def test_an_approval_with_the_command_finishes_a_run_that_was_parked(stack: LocalStack) -> None:
    session_id = ask_for_review(stack)
    asked = open_approval(stack, session_id)

    decided = errand("approve", asked["id"], "--comment", "Fine.", environ=stack.environ)
    ended = errand("watch", session_id, "--plain", environ=stack.environ, seconds=SECONDS)

    assert decided.returncode == 0, decided.stderr
    assert ended.returncode == 0, ended.stdout
    run = stack.journal.get(session_id)
    assert run is not None
    assert run.status is Status.COMPLETED
    assert isinstance(run.result, dict)
    assert run.result["review"]["comment"] == "Fine."
    kinds = [each.event.type for each in stack.journal.events(session_id)]
    assert kinds.count(EventType.APPROVAL_REQUESTED) == 1
    assert kinds.count(EventType.APPROVAL_DECIDED) == 1
    assert asked["what"].startswith("publish the research report")


def test_an_approval_on_the_page_finishes_a_run_that_was_parked(stack: LocalStack) -> None:
    session_id = ask_for_review(stack)
    asked = open_approval(stack, session_id)
    url = asked["url"]

    page = browse("GET", url)
    tried = browse("HEAD", url)
    blind = browse("POST", url, decision="deny", name="Scanner", comment="by itself")
    decided = browse(
        "POST", url, **page.fields("approve") | {"name": "Ada Lovelace", "comment": "Fine 🦄"}
    )
    ended = errand("watch", session_id, "--plain", environ=stack.environ, seconds=SECONDS)

    assert [each.status for each in (page, tried, blind, decided)] == [200, 200, 403, 200]
    assert page.only("h1").text == asked["what"]
    assert page.all("pre")[0].text == asked["content"]
    assert decided.only("h1").text == "Approved"
    assert ended.returncode == 0, ended.stdout
    run = stack.journal.get(session_id)
    assert run is not None
    assert isinstance(run.result, dict)
    assert run.result["review"]["comment"] == "Fine 🦄"
    (said,) = (
        each.event.details
        for each in stack.journal.events(session_id)
        if each.event.type is EventType.APPROVAL_DECIDED
    )
    assert (said["By"], str(said["From"]).split()[0]) == ("Ada Lovelace", "127.0.0.1")
    again = browse("GET", url)
    altered = browse("GET", f"{url[:-1]}{'A' if url[-1] != 'A' else 'B'}")
    assert (again.status, again.body) == (404, altered.body)
