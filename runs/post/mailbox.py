"""Letters as e-mail messages in a folder, one file each: what a laptop has instead of a mailbox."""

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from runs.errors import LetterNotSentError
from runs.instants import from_iso, to_iso
from runs.json_types import Json
from runs.letters import Letter

_SUFFIX = ".eml"
#: What ids of letters look like: a file's name, and nothing else.
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")
_FROM = "Errand <errand@localhost>"
_TO = "Those who may decide <deciders@localhost>"
_ABOUT = {
    "approval_id": "X-Errand-Approval",
    "session_id": "X-Errand-Run",
    "kind": "X-Errand-Kind",
    "written_at": "X-Errand-Written-At",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A letter as it lies in a mailbox."""

    letter_id: str
    subject: str
    text: str
    html: str
    written_at: datetime
    approval_id: str
    session_id: str
    kind: str

    def to_json(self) -> dict[str, Json]:
        """Give the mail as data."""
        return {
            "id": self.letter_id,
            "kind": self.kind,
            "approval_id": self.approval_id,
            "session_id": self.session_id,
            "subject": self.subject,
            "written_at": to_iso(self.written_at),
            "text": self.text,
            "html": self.html,
        }


class Mailbox:
    """See `runs.post.base.Post`. Safe to share by processes; a letter sent twice is there once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, letter: Letter) -> None:
        """See `Post.send`. It is durable when this returns."""
        if not _ID.fullmatch(letter.letter_id):
            raise LetterNotSentError(letter.letter_id, "its id is no file's name")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _put(self._folder / f"{letter.letter_id}{_SUFFIX}", to_email(letter))
        except (OSError, ValueError) as error:
            raise LetterNotSentError(letter.letter_id, str(error)) from error

    def mails(self) -> list[Mail]:
        """Read all mails, newest first; other files, and those that can't be read, are left out."""
        found = [mail for path in self._files() if (mail := self._read(path)) is not None]
        return sorted(found, key=lambda mail: (mail.written_at, mail.letter_id), reverse=True)

    def mail(self, letter_id: str) -> Mail | None:
        """Read one mail; None if there is none of that id."""
        is_id = _ID.fullmatch(letter_id) is not None
        return self._read(self._folder / f"{letter_id}{_SUFFIX}") if is_id else None

    def _files(self) -> Iterator[Path]:
        return self._folder.glob(f"*{_SUFFIX}")

    def _read(self, path: Path) -> Mail | None:
        try:
            return _from_email(path.stem, path.read_bytes())
        except (OSError, ValueError, KeyError):
            return None


def to_email(letter: Letter) -> bytes:
    """Write a letter as a message with two parts that say the same."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = _FROM
    message["To"] = _TO
    message["Subject"] = letter.subject
    message["Date"] = letter.written_at
    message["Message-ID"] = f"<{letter.letter_id}@errand.localhost>"
    facts = {**letter.to_json()}
    for name, header in _ABOUT.items():
        message[header] = str(facts[name])
    message.set_content(letter.text, cte="base64")
    message.add_alternative(letter.html, subtype="html", cte="base64")
    return message.as_bytes()


def _from_email(letter_id: str, data: bytes) -> Mail:
    message = message_from_bytes(data, policy=policy.default)
    facts = {name: str(message[header]) for name, header in _ABOUT.items()}
    return Mail(
        letter_id=letter_id,
        subject=str(message["Subject"]).strip(),
        text=_part(message, "plain"),
        html=_part(message, "html"),
        written_at=from_iso(facts["written_at"]),
        approval_id=facts["approval_id"],
        session_id=facts["session_id"],
        kind=facts["kind"],
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        msg = f"the message has no part text/{kind}"
        raise ValueError(msg)
    return str(part.get_content()).replace("\r\n", "\n")


def _put(path: Path, data: bytes) -> None:
    """Write a file whole; one that is there stays as it is."""
    handle, draft = tempfile.mkstemp(prefix="draft-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        Path(draft).unlink()
