"""The mailbox takes what the emulator's SNS delivers, and shows it without running any of it."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from local.mailbox.app import build_app
from local.mailbox.subscription import confirm, subscribe
from local.own_emulator import RunningEmulator
from local.ports import LOOPBACK
from local.server import ServerThread
from runs.letters import Letter
from runs.post.mailbox import Mail, Mailbox
from runs.post.sns import SnsPost
from tests.support.approvals import POST
from tests.support.notices import a_letter

EVIL = "</pre><script>alert(1)</script>"
SECONDS = 30


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path / "mailbox")


@pytest.fixture
def confirmed() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def client(mailbox: Mailbox, confirmed: list[tuple[str, str]]) -> Iterator[TestClient]:
    app = build_app(mailbox, confirm=lambda topic, token: confirmed.append((topic, token)))
    with TestClient(app) as made:
        yield made


def notification(letter: Letter) -> str:
    return json.dumps({"Type": "Notification", "Message": json.dumps(letter.to_json())})


def wait_for_mails(mailbox: Mailbox, count: int) -> list[Mail]:
    deadline = time.monotonic() + SECONDS
    while len(mails := mailbox.mails()) < count:
        assert time.monotonic() < deadline, mails
        time.sleep(0.05)
    return mails


def test_the_emulators_topic_delivers_to_the_mailbox(
    emulator: RunningEmulator, mailbox: Mailbox
) -> None:
    sns = emulator.client("sns")
    topic = sns.create_topic(Name="letters-delivered")["TopicArn"]
    app = build_app(
        mailbox, confirm=lambda arn, token: confirm(arn, token, endpoint=emulator.endpoint)
    )
    letters = [a_letter(replace(POST, what=f"post {n} \U0001f984")) for n in range(2)]
    letters[1] = replace(letters[1], letter_id="another")
    server = ServerThread(app, port=0)
    url = f"http://{LOOPBACK}:{server.port}"
    try:
        for _ in range(2):
            # As when the stack starts again: it is subscribed once.
            subscribe(topic, mailbox_url=url, endpoint=emulator.endpoint)
        for letter in (*letters, letters[0]):
            SnsPost(sns, topic_arn=topic).send(letter)
        mails = wait_for_mails(mailbox, 2)
    finally:
        server.stop()

    assert {mail.letter_id: mail.subject for mail in mails} == {
        letter.letter_id: letter.subject for letter in letters
    }
    assert {mail.html for mail in mails} == {letter.html for letter in letters}
    found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [each["Endpoint"] for each in found] == [f"{url}/sns"]


def test_a_subscription_is_confirmed(client: TestClient, confirmed: list[tuple[str, str]]) -> None:
    kind = {"x-amz-sns-message-type": "SubscriptionConfirmation"}

    answer = client.post("/sns", content='{"TopicArn": "arn", "Token": "t"}', headers=kind)

    assert answer.status_code == 200
    assert confirmed == [("arn", "t")]


def test_a_mail_is_shown_with_its_html_where_nothing_runs(
    client: TestClient, mailbox: Mailbox
) -> None:
    letter = a_letter(replace(POST, what=EVIL, content=EVIL))
    mailbox.send(letter)

    page = client.get(f"/mails/{letter.letter_id}")
    alone = client.get(f"/mails/{letter.letter_id}/html")

    assert "<script>" not in page.text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert alone.text == letter.html
    assert "sandbox allow-popups" in alone.headers["content-security-policy"]
    assert "allow-scripts" not in alone.headers["content-security-policy"]


def test_the_list_has_every_mail_newest_first(client: TestClient, mailbox: Mailbox) -> None:
    assert "No mail yet" in client.get("/").text
    mailbox.send(a_letter())
    mailbox.send(replace(a_letter(), letter_id="later", subject=f"Later {EVIL}"))

    page, index = client.get("/").text, client.get("/mails").json()["mails"]

    assert page.index("/mails/later") > 0
    assert "<script>" not in page
    assert {each["id"] for each in index} == {"later", a_letter().letter_id}
    assert not {"text", "html"} & index[0].keys()


def test_one_mail_is_given_as_json(client: TestClient, mailbox: Mailbox) -> None:
    mailbox.send(a_letter())
    wanted = {"accept": "application/json"}

    found = client.get(f"/mails/{a_letter().letter_id}", headers=wanted)
    missing = client.get("/mails/none", headers=wanted)

    assert found.json()["text"] == a_letter().text
    assert (missing.status_code, missing.json()) == (404, {"error": "there is no such mail"})


@pytest.mark.parametrize("path", ["/mails/none", "/mails/none/html", "/mails/..%2fup"])
def test_a_mail_that_is_not_there_is_told(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (None, notification(a_letter())),
        ("Notification", "no json"),
        ("Notification", "[]"),
        ("Notification", '{"Message": "no json"}'),
        ("Notification", '{"Message": "{}"}'),
        ("Notification", notification(replace(a_letter(), letter_id="../up"))),
        ("Notification", notification(replace(a_letter(), subject="a\r\nBcc: eve@example.com"))),
        ("SubscriptionConfirmation", "{}"),
        ("Notification", "[" * 100_000),
        ("Notification", "x" * 3_000_000),
    ],
    ids=range(10),
)
def test_what_is_no_letter_of_a_topic_is_not_kept(
    client: TestClient, mailbox: Mailbox, kind: str | None, body: str
) -> None:
    headers = {} if kind is None else {"x-amz-sns-message-type": kind}

    answer = client.post("/sns", content=body, headers=headers)

    assert answer.status_code == 400
    assert mailbox.mails() == []
