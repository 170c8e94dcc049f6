"""Letters go out by SNS, or into a folder; each can be told from what was sent before."""

import json
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from runs.errors import LetterNotSentError
from runs.letters import write_letter
from runs.post.mailbox import Mailbox
from runs.post.sns import SnsPost
from tests.support.approvals import POST
from tests.support.journals import NOW
from tests.support.notices import SESSION, a_letter, a_notice, an_approval

TOPIC = "arn:aws:sns:us-east-1:000000000000:approvals"


@dataclass
class Topics:
    """SNS as far as it is used, with the errors it gives first."""

    errors: list[Exception] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def publish(self, **message: Any) -> None:  # noqa: ANN401 - boto3's own
        if self.errors:
            raise self.errors.pop(0)
        self.messages.append(message)


def test_a_topic_gets_plain_text_for_e_mail_and_all_of_it_for_programs() -> None:
    topics, letter = Topics(), a_letter()

    SnsPost(topics, topic_arn=TOPIC).send(letter)

    (message,) = topics.messages
    parts = json.loads(message["Message"])
    assert (message["TopicArn"], message["MessageStructure"]) == (TOPIC, "json")
    assert message["Subject"] == letter.subject
    assert parts["email"] == letter.text
    assert json.loads(parts["default"]) == letter.to_json()
    assert message["MessageAttributes"]["kind"]["StringValue"] == "asked"


def test_a_subject_is_as_short_as_sns_wants_it() -> None:
    topics = Topics()

    SnsPost(topics, topic_arn=TOPIC).send(a_letter(replace(POST, what="post\n" + "x" * 200)))

    assert len(topics.messages[0]["Subject"]) == 99
    assert topics.messages[0]["Subject"].isprintable()


@pytest.mark.parametrize("filler", ["&", '"', "\\", "\n", "\x00", "é", "\U0001f984", "a&\n"])
def test_whatever_is_asked_about_the_message_is_not_too_large(filler: str) -> None:
    topics = Topics()
    many = (filler * 100_000)[:100_000]
    question = replace(
        POST, what=f"post {many}", content=many, arguments={"a": many}, may_decide=(many,)
    )
    before = an_approval(replace(question, content=f"x{many}"), decided_at=NOW)
    notice = a_notice(an_approval(question, "cb-2"), before=before)

    SnsPost(topics, topic_arn=TOPIC).send(
        write_letter(notice, url=f"https://api.example/{'t' * 500}", now=NOW)
    )

    message = topics.messages[0]["Message"]
    assert len(message.encode()) < 256 * 1024
    assert json.loads(json.loads(message)["default"])["text"] == json.loads(message)["email"]


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "AuthorizationError", "Message": "no"}}, "Publish"),
        ClientError({"Error": {"Code": "ThrottledException", "Message": "no"}}, "Publish"),
        EndpointConnectionError(endpoint_url="https://sns"),
    ],
)
def test_a_letter_that_sns_does_not_take_is_an_error(error: Exception) -> None:
    letter = a_letter()

    with pytest.raises(LetterNotSentError, match=f"letter '{letter.letter_id}' was not sent: "):
        SnsPost(Topics([error]), topic_arn=TOPIC).send(letter)


def test_a_mailbox_keeps_a_letter_as_mail_with_two_parts(tmp_path: Path) -> None:
    letter = a_letter(replace(POST, what="שלום \U0001f984, post", content="é" * 5_000))

    Mailbox(tmp_path / "mailbox").send(letter)

    (file,) = (tmp_path / "mailbox").iterdir()
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert file.name == f"{letter.letter_id}.eml"
    assert str(message["Subject"]).strip() == letter.subject
    assert str(message["Message-ID"]) == f"<{letter.letter_id}@errand.localhost>"
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "text/plain",
        "text/html",
    ]
    (mail,) = Mailbox(tmp_path / "mailbox").mails()
    assert (mail.subject, mail.text, mail.html) == (letter.subject, letter.text, letter.html)
    assert (mail.session_id, mail.kind) == (SESSION, "asked")


def test_a_header_can_not_be_put_into_a_letter(tmp_path: Path) -> None:
    letter = a_letter(replace(POST, what="post\r\nBcc: eve@example.com\r\n\r\n<script>"))

    Mailbox(tmp_path).send(letter)

    (file,) = tmp_path.iterdir()
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert message["Bcc"] is None
    assert "Bcc: eve@example.com" in str(message["Subject"])


def test_a_subject_with_a_line_end_is_not_written(tmp_path: Path) -> None:
    letter = replace(a_letter(), subject="a\r\nBcc: eve@example.com")

    with pytest.raises(LetterNotSentError):
        Mailbox(tmp_path).send(letter)

    assert list(tmp_path.iterdir()) == []


def test_a_letter_that_is_sent_twice_is_there_once(tmp_path: Path) -> None:
    mailbox, letter = Mailbox(tmp_path), a_letter()

    mailbox.send(letter)
    mailbox.send(replace(letter, text="something else"))

    assert [mail.text for mail in mailbox.mails()] == [letter.text]
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("letter_id", ["", "../up", "a/b", "A", "x" * 101, "-a", "a.eml"])
def test_an_id_that_is_no_files_name_is_refused(tmp_path: Path, letter_id: str) -> None:
    mailbox = Mailbox(tmp_path / "box")

    with pytest.raises(LetterNotSentError, match="its id is no file's name"):
        mailbox.send(replace(a_letter(), letter_id=letter_id))

    assert mailbox.mail(letter_id) is None
    assert not (tmp_path / "up.eml").exists()


def test_mails_are_given_newest_first_without_what_is_none(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    for number in range(3):
        letter = replace(a_letter(), letter_id=f"letter-{number}")
        mailbox.send(replace(letter, written_at=NOW.replace(minute=number)))
    (tmp_path / "torn.eml").write_bytes(b"From: nobody\r\n\r\n")
    (tmp_path / "note.txt").write_text("x")

    assert [mail.letter_id for mail in mailbox.mails()] == ["letter-2", "letter-1", "letter-0"]
    assert mailbox.mail("torn") is None


def test_a_mailbox_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert Mailbox(tmp_path / "none").mails() == []


def test_a_mailbox_that_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(LetterNotSentError, match="was not sent: "):
        Mailbox(tmp_path / "file").send(a_letter())
