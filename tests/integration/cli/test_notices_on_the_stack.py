"""A run on the stack asks: a mail arrives, its link opens the page, and a decision ends the run."""

import json
import re
import time
import urllib.request
from typing import Any

from runs.post.mailbox import Mail, Mailbox
from runs.run import Status
from tests.support.cli import errand
from tests.support.stack import LocalStack

SECONDS = 60
LINK = re.compile(r"^http\S+$", re.MULTILINE)


def wait_for_mail(stack: LocalStack, session_id: str, kind: str, *, number: int = 1) -> Mail:
    deadline = time.monotonic() + SECONDS
    while True:
        mails = [
            mail
            for mail in Mailbox(stack.home.mailbox).mails()
            if (mail.session_id, mail.kind) == (session_id, kind)
        ]
        if len(mails) >= number:
            return mails[0]
        assert time.monotonic() < deadline, stack.journal.get(session_id)
        time.sleep(0.1)


def call(url: str, data: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - loopback
        return json.loads(answer.read())


def send_review(stack: LocalStack) -> str:
    wish = ("--prompt", "What do crashes cost?", "--input", json.dumps({"review": True}))
    sent = errand("send", "research-report", *wish, environ=stack.environ)
    assert sent.returncode == 0, sent.stderr
    return sent.stdout.strip()


def test_a_question_arrives_as_mail_whose_link_decides_it(stack: LocalStack) -> None:
    session_id = send_review(stack)

    mail = wait_for_mail(stack, session_id, "asked")
    (link,) = LINK.findall(mail.text)
    shown = call(link)
    decided = call(link, {"decision": "approved", "form": shown["form"], "name": "ada"})
    ended = errand("watch", session_id, "--plain", environ=stack.environ, seconds=SECONDS)

    assert mail.subject.startswith("Approval needed: publish the research report")
    assert shown["id"] == mail.approval_id
    assert decided["state"] == "approved"
    assert ended.returncode == 0, ended.stdout
    assert link in mail.html


def test_an_agent_that_was_denied_asks_again_and_the_mail_says_what_is_different(
    stack: LocalStack,
) -> None:
    sent = errand(
        "send", "marketing-post", "--prompt", "Write about unicorns", environ=stack.environ
    )
    session_id = sent.stdout.strip()
    first = wait_for_mail(stack, session_id, "asked")

    denied = errand("deny", first.approval_id, "--comment", "Too loud.", environ=stack.environ)
    again = wait_for_mail(stack, session_id, "asked", number=2)
    errand("approve", again.approval_id, environ=stack.environ)
    ended = errand("watch", session_id, "--plain", environ=stack.environ, seconds=SECONDS)

    assert denied.returncode == 0, denied.stderr
    assert again.subject.startswith("Asked again: ")
    assert "Too loud." in again.text
    assert "\n  | + " in again.text
    assert ended.returncode == 0, ended.stdout


def test_who_was_asked_hears_that_the_run_was_cancelled(stack: LocalStack) -> None:
    session_id = send_review(stack)
    asked = wait_for_mail(stack, session_id, "asked")

    errand("cancel", session_id, environ=stack.environ)
    told = wait_for_mail(stack, session_id, "ended")

    assert told.approval_id == asked.approval_id
    assert "the run is CANCELLED; nothing is left to decide" in told.text
    run = stack.journal.get(session_id)
    assert run is not None
    assert (run.status, run.notify_at) == (Status.CANCELLED, None)
