"""Messages of the task queue that could not be done: a look at them, and another try."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cli.errors import UsageError
from runs.instants import to_iso
from runs.json_types import Json

#: What the handler gives a dead letter, see `invoker.delivery`; one that came here by itself, after
#: too many deliveries, has neither.
_REASON, _ORIGINAL_ID = "reason", "original_message_id"
_NO_REASON = "delivered too often: its handler died or failed each time, and its log says why"
#: Seconds for which letters are out of others' sight while they are looked at.
_HELD_SECONDS = 60
_BATCH = 10
#: So many are looked at; who has more reads the queue by other means.
_MOST = 1_000
_LEAST_OF_ID = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One message that could not be done."""

    #: As when it was first sent: the run it asks for has this id, whenever it is sent again.
    message_id: str
    reason: str
    body: str
    died_at: datetime
    handle: str

    def to_json(self) -> dict[str, Json]:
        """Give the letter's JSON object, as `docs/cli.md` documents it."""
        return {
            "id": self.message_id,
            "reason": self.reason,
            "died_at": to_iso(self.died_at),
            "body": self.body,
        }


class DeadLetters:
    """The task queue's dead letters. Each method may raise `UnreachableError`."""

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3's clients have no static type
        *,
        url: str,
        queue_url: str,
        translated: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._client = client
        self._url = url
        self._queue_url = queue_url
        self._translated = translated

    def all(self) -> list[DeadLetter]:
        """Give all letters, the oldest first, and leave them where they are."""
        with self._translated():
            letters = self._held()
            self._let_go(letters)
        return letters

    def redrive(self, is_wanted: Callable[[DeadLetter], bool]) -> list[DeadLetter]:
        """Send letters to the task queue again, and give them.

        Each is sent before it is removed here: whatever dies in between, none is lost, and one that
        is then in both places is the same task.
        """
        with self._translated():
            held = self._held()
            wanted = [letter for letter in held if is_wanted(letter)]
            try:
                for letter in wanted:
                    self._send_again(letter)
            finally:
                self._let_go(letter for letter in held if letter not in wanted)
        return wanted

    def _held(self) -> list[DeadLetter]:
        return sorted(self._received(), key=lambda letter: letter.died_at)[:_MOST]

    def _received(self) -> Iterator[DeadLetter]:
        for _ in range(_MOST // _BATCH):
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=_BATCH,
                VisibilityTimeout=_HELD_SECONDS,
                # Without a wait only some of the queue's servers are asked.
                WaitTimeSeconds=1,
                MessageAttributeNames=["All"],
                AttributeNames=["SentTimestamp"],
            )
            messages = answer.get("Messages", ())
            if not messages:
                return
            yield from map(_letter, messages)

    def _send_again(self, letter: DeadLetter) -> None:
        original = {"DataType": "String", "StringValue": letter.message_id}
        self._client.send_message(
            QueueUrl=self._queue_url,
            MessageBody=letter.body,
            MessageAttributes={_ORIGINAL_ID: original},
        )
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=letter.handle)

    def _let_go(self, letters: Iterable[DeadLetter]) -> None:
        for letter in letters:
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=letter.handle, VisibilityTimeout=0
            )


def found(letters: Sequence[DeadLetter], given: str) -> DeadLetter:
    """Find a letter by its id, or the beginning of it.

    Raises:
        UsageError: There is none, or there are several.
    """
    matching = {each.message_id: each for each in letters if _is_named(each, given)}
    if len(matching) == 1:
        return next(iter(matching.values()))
    if matching:
        msg = f"{given!r} could be any of: {', '.join(matching)}"
    else:
        msg = f"there is no dead letter {given!r}; `errand dlq list` shows those there are"
    raise UsageError(msg)


def _is_named(letter: DeadLetter, given: str) -> bool:
    is_beginning = len(given) >= _LEAST_OF_ID and letter.message_id.startswith(given)
    return letter.message_id == given or is_beginning


def _letter(message: dict[str, Any]) -> DeadLetter:
    attributes = message.get("MessageAttributes", {})
    sent = int(message["Attributes"]["SentTimestamp"]) / 1000

    def attribute(name: str, otherwise: str) -> str:
        return str(attributes.get(name, {}).get("StringValue", otherwise))

    return DeadLetter(
        message_id=attribute(_ORIGINAL_ID, message["MessageId"]),
        reason=attribute(_REASON, _NO_REASON),
        body=message["Body"],
        died_at=datetime.fromtimestamp(sent, UTC),
        handle=message["ReceiptHandle"],
    )
