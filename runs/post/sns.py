"""Letters by an SNS topic: e-mail as plain text, and JSON to every other protocol.

SNS has no HTML for e-mail. Subscribers by HTTPS, SQS or Lambda get `Letter.to_json`, HTML and all.
"""

import json
from typing import Any, Protocol

from runs.aws_errors import AnsweredError, translated
from runs.errors import JournalUnavailableError, LetterNotSentError
from runs.inert import one_line
from runs.letters import Letter

#: Of a message: 256 KiB, with what it is wrapped in and its attributes.
_MAX_BYTES = 256 * 1024 - 2_048
#: SNS takes less than 100.
_MAX_SUBJECT = 99


class Topics(Protocol):
    """The call of boto3's `sns` client that is used here."""

    def publish(self, **message: Any) -> Any:  # noqa: ANN401 - boto3's own
        """Publish a message; see boto3."""
        ...


class SnsPost:
    """See `runs.post.base.Post`. It needs `sns:Publish` on the topic."""

    def __init__(self, client: Topics, *, topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def send(self, letter: Letter) -> None:
        """See `Post.send`."""
        try:
            with translated():
                self._client.publish(
                    TopicArn=self._topic_arn,
                    Subject=one_line(letter.subject, _MAX_SUBJECT),
                    Message=_message(letter),
                    MessageStructure="json",
                    # For filter policies: a subscriber may want reminders only, or one workflow's.
                    MessageAttributes={
                        "kind": {"DataType": "String", "StringValue": letter.kind.value}
                    },
                )
        except (AnsweredError, JournalUnavailableError) as error:
            raise LetterNotSentError(letter.letter_id, str(error)) from error


def _message(letter: Letter) -> str:
    full = _written(letter, letter.to_json())
    if len(full.encode()) <= _MAX_BYTES:
        return full
    # The text says the same.
    return _written(letter, {**letter.to_json(), "html": None})


def _written(letter: Letter, shape: object) -> str:
    parts = {"default": json.dumps(shape, ensure_ascii=False), "email": letter.text}
    return json.dumps(parts, ensure_ascii=False)
