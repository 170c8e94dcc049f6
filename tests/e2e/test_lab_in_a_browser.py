"""The lab as people live it: a message in the queue, a mail, a page, and a post on UniTok.

All is real: the stack, the agent (on its offline model), and the browser, on a desk and on a phone
that runs no scripts.
"""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest
from playwright.sync_api import Browser, Page

from cli.pages import Pages
from runs.events import EventType
from runs.lifecycle import Ending
from runs.link_keys import keyring_at
from runs.links import Links
from runs.run import Run, Status
from tests.support.approvals import POST, ask
from tests.support.browser import (
    DESKTOP,
    PHONE,
    Device,
    Reader,
    assert_can_be_touched,
    assert_fits,
    assert_is_labelled,
    needs_chromium,
    reading,
    running_chromium,
)
from tests.support.stack import LocalStack

pytestmark = needs_chromium

SECONDS = 60
TASK = "Our pink unicorns are back from their holidays."
EDITED = (
    "🦄 Our pink unicorns are back!\n\nRent one from Unicorn Rentals, by the hour or by the day."
)
#: 100 KB that would like to be more than text, in several scripts and directions.
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)><a href=javascript:alert(3)>here</a>"
    "</textarea></pre></main><style>body{display:none}</style>"
    " &amp; \"'` 🦄👩🏽‍🚀 שלום \u202etxt.exe\u202c مرحبا\n" + "unbroken" * 100 + "\n\tend é "
)
HOSTILE *= 100_000 // len(HOSTILE.encode()) + 1
#: What the documentation shows.
PICTURED = {
    "approval-desktop",
    "approval-phone",
    "decided-phone",
    "unitok-desktop",
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


def send_task(stack: LocalStack, task: str) -> str:
    """Put a message into the queue, as the lab does, and give its run's id."""
    sent = stack.client("sqs").send_message(
        QueueUrl=stack.outputs["TaskQueueUrl"],
        MessageBody=json.dumps({"type": "new", "body": {"task": task}}),
    )
    return str(sent["MessageId"])


def open_mail(reader: Reader, stack: LocalStack, session_id: str) -> None:
    """Look into the mailbox until there is a mail of a run, and open it."""
    mail = reader.page.get_by_role("listitem").filter(has_text=session_id)
    deadline = time.monotonic() + SECONDS
    reader.page.goto(stack.state.mailbox_url)
    while not mail.count():
        assert time.monotonic() < deadline, stack.journal.get(session_id)
        time.sleep(0.2)
        reader.page.reload()
    mail.get_by_role("link").click()


def wait_for_end(stack: LocalStack, session_id: str) -> Run:
    deadline = time.monotonic() + SECONDS
    while (run := stack.journal.get(session_id)) is None or not run.status.is_terminal:
        assert time.monotonic() < deadline, run
        time.sleep(0.1)
    return run


@contextmanager
def a_page(stack: LocalStack, content: str) -> Iterator[str]:
    """Have a run that nobody works on ask something for the block, and give its page's address."""
    now = datetime.now(UTC)
    question = replace(POST, content=content, arguments={"content": content})
    run: dict[str, Any] = {"session_id": str(uuid.uuid4()), "deadline_at": now + timedelta(days=1)}
    lease, approval = ask(stack.journal, question, at=now, **run)
    asked = stack.journal.approval(approval.callback_id)
    keyring = keyring_at(stack.outputs["LinkKeys"], client=_nobody)
    url = Pages(Links(keyring, base_url=stack.outputs["ApprovalsUrl"])).of(asked, now)
    assert url is not None
    try:
        yield url
    finally:
        # The stack is others', too: nothing is left that looks as if a worker had died.
        stack.journal.settle(lease, Ending(status=Status.CANCELLED), now=datetime.now(UTC))


def _nobody() -> NoReturn:
    raise AssertionError("a local stack's keys are in a file")


def press(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()


def picture(reader: Reader, page: Page, name: str) -> None:
    """Take a picture if it is one of the documentation's."""
    if f"{name}-{reader.device.name}" in PICTURED:
        reader.take(page, name)


@pytest.mark.parametrize(
    ("device", "text"),
    [(DESKTOP, EDITED), (PHONE, EDITED), (replace(DESKTOP, name="hostile"), HOSTILE)],
    ids=["desktop", "phone", "hostile"],
)
def test_a_message_becomes_the_post_that_a_person_made_of_it(
    stack: LocalStack, chromium: Browser, device: Device, text: str
) -> None:
    session_id = send_task(stack, TASK)
    with reading(chromium, device) as ada:
        open_mail(ada, stack, session_id)
        letter = ada.page.frame_locator("iframe")
        page = ada.tap(letter.get_by_role("link").first)
        asked = page.locator("pre").first.text_content()
        picture(ada, page, "approval")
        page.locator("summary").click()
        page.get_by_label("Your name").fill("Ada Lovelace")
        page.get_by_label("Comment").fill("Shorter.")
        page.get_by_label("What is approved instead").fill(text)
        press(page, "Approve as edited")
        told = page.locator("main").inner_text()
        picture(ada, page, "decided")
        run = wait_for_end(stack, session_id)
        ada.page.goto(stack.state.unitok_url)
        post = ada.page.get_by_role("article").first.locator("p").text_content()
        picture(ada, ada.page, "unitok")
        assert_fits(ada.page)

    assert asked == f"🦄 {TASK}\n\nRent a unicorn at Unicorn Rentals."
    assert told.startswith("Approved with your changes")
    assert "Ada Lovelace approved, " in told
    assert run.status is Status.COMPLETED, run.error
    assert post == text
    assert ada.said == []
    events = [each.event for each in stack.journal.events(session_id)]
    (decided,) = [each for each in events if each.type is EventType.APPROVAL_DECIDED]
    assert (decided.details["By"], decided.details["Comment"]) == ("Ada Lovelace", "Shorter.")
    assert "127.0.0.1" in str(decided.details["From"])


@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_text_that_would_be_more_is_shown_whole_on_a_phone_and_runs_nothing(
    stack: LocalStack, chromium: Browser, *, has_scripts: bool
) -> None:
    phone = replace(PHONE, has_scripts=has_scripts)
    with a_page(stack, HOSTILE) as url, reading(chromium, phone) as ada:
        ada.page.goto(url)

        assert ada.page.locator("pre").first.text_content() == HOSTILE
        assert_fits(ada.page)
        ada.page.locator("summary").click()
        assert ada.page.get_by_label("What is approved instead").input_value() == HOSTILE
        assert ada.page.title() == "publish this post · Errand"
        assert_is_labelled(ada.page)
        assert_can_be_touched(ada.page)
        assert ada.said == []
        assert ada.fetched == [url]


def test_who_decides_too_late_is_told_who_did_and_when(
    stack: LocalStack, chromium: Browser
) -> None:
    with (
        a_page(stack, "Unicorns for rent!") as url,
        reading(chromium, PHONE) as ada,
        reading(chromium, DESKTOP) as bob,
    ):
        for each, name in ((ada, "Ada Lovelace"), (bob, "Bob")):
            each.page.goto(url)
            each.page.get_by_label("Your name").fill(name)
        press(ada.page, "Approve")
        bob.page.get_by_label("Comment").fill("Never.")
        press(bob.page, "Deny")

        late = bob.page.locator("main").inner_text()
        assert late.startswith("It is approved already")
        assert "It was approved by Ada Lovelace on " in late
        assert "UTC" in late
        for each in (ada, bob):
            assert_fits(each.page)


def test_a_denial_without_a_reason_is_asked_for_one_and_loses_nothing(
    stack: LocalStack, chromium: Browser
) -> None:
    with a_page(stack, "Unicorns for rent!") as url, reading(chromium, PHONE) as ada:
        ada.page.goto(url)
        ada.page.get_by_label("Your name").fill("Ada Lovelace")
        press(ada.page, "Deny")

        assert ada.page.get_by_role("alert").inner_text().startswith("Nothing was decided yet")
        assert ada.page.get_by_label("Your name").input_value() == "Ada Lovelace"
        ada.page.get_by_label("Comment").fill("They are not for rent.")
        press(ada.page, "Deny")

        told = ada.page.locator("main").inner_text()
        assert told.startswith("Denied")
        assert "They are not for rent." in told


def test_a_link_that_is_not_whole_says_so_and_no_more(stack: LocalStack, chromium: Browser) -> None:
    with a_page(stack, "Unicorns for rent!") as url, reading(chromium, PHONE) as ada:
        answer = ada.page.goto(url[:-1])

        assert answer is not None
        assert answer.status == 404
        assert ada.page.get_by_role("heading").all_inner_texts() == ["This link can't be used"]
        assert_fits(ada.page)
