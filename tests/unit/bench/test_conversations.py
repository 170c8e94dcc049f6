from collections.abc import AsyncGenerator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from strands.types.content import Messages
from strands.types.streaming import StreamEvent

from agent.converse import TURNS_PER_INVOCATION
from bench.conversations import DurableAgent, Talk, bare, bare_at_once, in_files
from bench.scripted_model import ScriptedModel

_LOOKS = 3


class Reading(ScriptedModel):
    """Keeps what it was last given to read, but for the names of the tool's calls."""

    read: list[str]

    async def stream(
        self,
        messages: Messages,
        *given: Any,  # noqa: ANN401 - the port's
        **named: Any,  # noqa: ANN401 - the port's
    ) -> AsyncGenerator[StreamEvent, None]:
        blocks = [block for message in messages for block in message["content"]]
        results = [block["toolResult"]["content"] for block in blocks if "toolResult" in block]
        self.read = [block["text"] for block in blocks if "text" in block]
        self.read += [str(result) for result in results]
        async for event in super().stream(messages, *given, **named):
            yield event


def test_every_agent_has_the_same_conversation(tmp_path: Path) -> None:
    agent = DurableAgent(tmp_path)
    talks: tuple[Talk, ...] = (
        bare,
        bare_at_once,
        partial(in_files, folder=tmp_path / "files"),
        agent.talk,
    )
    models = [Reading(_LOOKS) for _ in talks]

    with closing(agent.engine):
        for talk, model in zip(talks, models, strict=True):
            talk(model)

    first = models[0].read
    assert len(first) == 1 + 2 * _LOOKS
    assert [model.read for model in models] == [first] * len(models)


def test_a_conversation_goes_on_in_the_next_invocation() -> None:
    model = ScriptedModel(TURNS_PER_INVOCATION + 1)

    bare(model)

    assert len(model.called) == TURNS_PER_INVOCATION + 2
