"""Recordings: what a model answered in a run, each answer under the hash of what it was asked.

A recording is made of a run's journal and is one JSON file. An agent that is asked the same again,
in another run, gets the same answers from the model `recorded:<file>`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from strands.types.content import ContentBlock, Message
from strands.types.session import decode_bytes_values

from agent.errors import RecordingError
from agent.memory import CANCELLED
from agent.saved import Saved, to_json
from runs.errors import RunNotFoundError
from runs.events import EventType
from runs.journal.base import Journal
from runs.listing import family

FORMAT = 1
#: The blocks of an answer that can be played back.
BLOCKS = frozenset({"text", "toolUse", "reasoningContent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAnswer:
    """One answer of a model, and what it was asked."""

    agent: str
    #: The hash of the conversation before the answer.
    asked: str
    #: The same, without what tools said: their results may hold times and ids of the run.
    way: str
    content: list[ContentBlock]
    stop_reason: str
    #: Tokens, as the provider reported them.
    usage: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The answers of one run, its children's too, and what that run was asked."""

    session_id: str
    workflow: str
    prompt: str
    input: str | None
    answers: tuple[RecordedAnswer, ...]

    @classmethod
    def load(cls, path: Path) -> "Recording":
        """Read a recording from a file.

        Raises:
            RecordingError: The file can't be read, or is none.
        """
        try:
            shape = json.loads(path.read_text(encoding="utf-8"))
            if shape.pop("format") != FORMAT:
                raise RecordingError(path, f"is of another format, expected {FORMAT}")
            answers = decode_bytes_values(shape.pop("answers"))
            return cls(answers=tuple(RecordedAnswer(**each) for each in answers), **shape)
        except OSError as error:
            raise RecordingError(path, f"can't be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecordingError(path, f"is none: {error!r}") from error

    def save(self, path: Path) -> None:
        """Write the recording to a file."""
        # A list: bytes inside a tuple would not be found.
        shape = {"format": FORMAT, **asdict(self), "answers": [asdict(a) for a in self.answers]}
        path.write_text(json.dumps(to_json(shape), indent=1) + "\n", encoding="utf-8")


def record(journal: Journal, session_id: str) -> Recording:
    """Make a recording of a run and of the runs it started.

    Raises:
        RunNotFoundError: There is no such run.
        RecordingError: An answer holds what can't be played back.
    """
    run = journal.get(session_id)
    if run is None:
        raise RunNotFoundError(session_id)
    answers = [
        answer
        for member in family(journal, session_id)
        for agent in _agents(journal, member)
        for answer in _answers(journal, member, agent)
    ]
    return Recording(
        session_id=session_id,
        workflow=run.workflow,
        prompt=run.prompt,
        input=run.input,
        answers=tuple(answers),
    )


def hash_of(messages: Sequence[Message]) -> str:
    """Give the hash of a conversation: who said what, and nothing that was noted beside it."""
    return _hash([{"role": each["role"], "content": each["content"]} for each in messages])


def hash_of_way(messages: Sequence[Message]) -> str:
    """Give the hash of a conversation without what tools said in it.

    Whether they failed stays: a model that is told of an error goes another way.
    """
    return _hash(
        [
            {"role": each["role"], "content": [_without_words(block) for block in each["content"]]}
            for each in messages
        ]
    )


def _agents(journal: Journal, session_id: str) -> list[str]:
    called = EventType.MODEL_CALLED
    found = (recorded.event for recorded in journal.events(session_id))
    return list(dict.fromkeys(each.name for each in found if each.type is called and each.name))


def _answers(journal: Journal, session_id: str, agent: str) -> Iterator[RecordedAnswer]:
    saved = [Saved.from_message(message) for message in journal.messages(session_id, agent)]
    messages = [each.message for each in saved]
    for index, each in enumerate(saved):
        # No reason: no model wrote it. Cancelled: no model finished it.
        if each.stop_reason in {None, CANCELLED}:
            continue
        content = each.message["content"]
        unplayable = {kind for block in content for kind in block} - BLOCKS
        if unplayable:
            what = ", ".join(sorted(unplayable))
            raise RecordingError(session_id, f"can't be made: agent {agent!r} was answered {what}")
        yield RecordedAnswer(
            agent=agent,
            asked=hash_of(messages[:index]),
            way=hash_of_way(messages[:index]),
            content=content,
            stop_reason=str(each.stop_reason),
            usage=dict(each.message.get("metadata", {}).get("usage", {})),
        )


def _without_words(block: Any) -> Any:  # noqa: ANN401 - a union of one-key dictionaries
    if "toolResult" not in block:
        return block
    result = block["toolResult"]
    return {"toolResult": {"toolUseId": result["toolUseId"], "status": result["status"]}}


def _hash(value: object) -> str:
    text = json.dumps(to_json(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
