"""The same conversation by agents that are kept in different ways, or in none.

All have the same model, tool and messages; none leaves any message out. Strands nests each model
call of an invocation into the one before, and past about 300 Python's stack is full. Errand ends an
invocation after 50 calls and goes on in the next; so do the others here, or they would be slower.

`python -m bench.conversations KIND FOLDER CYCLES [ENDPOINT]` has one, after a short one to warm up,
and prints the milliseconds of each cycle as a JSON array: in one process, what Errand changes about
Strands would serve the others as well.
"""

import asyncio
import json
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from strands import Agent
from strands.agent.conversation_manager import NullConversationManager
from strands.session.file_session_manager import FileSessionManager

from agent.agents import run_agent
from agent.converse import TURNS_PER_INVOCATION
from agent.models.loaded import LoadedModel
from agent.models.offline import Conversation, Turn
from agent.registry import Handler
from bench.emulated import EmulatedTable
from bench.engine import OFFLINE, BenchEngine
from bench.scripted_model import ScriptedModel, look

NAME = "scribe"
#: A conversation with a model.
Talk: TypeAlias = Callable[[ScriptedModel], object]

_WARM_UP = 20
_PROMPT = "Look as often as you like, and then say what you saw."


def bare(model: ScriptedModel) -> None:
    """Let an agent of Strands talk, of which nothing is kept."""
    _talk(_agent(model), calls_at_once=TURNS_PER_INVOCATION)


def bare_at_once(model: ScriptedModel) -> None:
    """Do the same in a single invocation, as most people call an agent."""
    _talk(_agent(model), calls_at_once=None)


def in_files(model: ScriptedModel, folder: Path) -> None:
    """Let an agent of Strands talk whose messages its own session manager keeps in files."""
    session = FileSessionManager(session_id=uuid.uuid4().hex, storage_dir=str(folder))
    _talk(_agent(model, session_manager=session), calls_at_once=TURNS_PER_INVOCATION)


class DurableAgent:
    """An agent of Errand, in a run of its own for each conversation."""

    def __init__(self, folder: Path, *, table: EmulatedTable | None = None) -> None:
        self.engine = BenchEngine(folder, table=table)

    def talk(self, model: ScriptedModel) -> None:
        """Let the agent talk; every message is in the journal before the next.

        Raises:
            RuntimeError: The workflow failed.
        """

        def scripted(loaded: LoadedModel, _: str) -> LoadedModel:
            return replace(loaded, model=model)

        attempt = self.engine.attempt(_PROMPT)
        choice = replace(OFFLINE, tap=scripted)
        answer = self.engine.invoke(_HANDLER, attempt, model=choice)
        if answer["Status"] != "SUCCEEDED":
            msg = f"the workflow answered {answer!r}, expected it to succeed"
            raise RuntimeError(msg)


@durable_execution
def _workflow(event: dict[str, Any], context: DurableContext) -> str:
    return run_agent(
        context,
        name=NAME,
        build=lambda **parts: Agent(tools=[look], **parts),
        prompt=event["prompt"],
        playbook=_unused,
        max_turns=_MOST_TURNS,
    )


#: The runner knows handlers by this type: the context it passes is not quite Lambda's.
_HANDLER: Handler = _workflow
_MOST_TURNS = 1_000


def _unused(_: Conversation) -> Turn:
    """Stand for the playbook that the offline model must have; the script takes its place."""
    return Turn(text="")


def _agent(model: ScriptedModel, **kept: Any) -> Agent:  # noqa: ANN401 - Strands' own arguments
    return Agent(
        model=model,
        tools=[look],
        agent_id=NAME,
        name=NAME,
        conversation_manager=NullConversationManager(),
        callback_handler=None,
        **kept,
    )


def _talk(agent: Agent, *, calls_at_once: int | None) -> None:
    asyncio.run(_invoked(agent, calls_at_once))


async def _invoked(agent: Agent, calls_at_once: int | None) -> None:
    limits: Any = None if calls_at_once is None else {"turns": calls_at_once}
    result = await agent.invoke_async(_PROMPT, limits=limits)
    while result.stop_reason == "limit_turns":
        result = await agent.invoke_async(None, limits=limits)


def main() -> None:
    """Do what the command line names."""
    kind, folder, cycles, *endpoint = sys.argv[1:]
    talk = _talks(Path(folder), *endpoint)[kind]()
    talk(ScriptedModel(_WARM_UP))
    model = ScriptedModel(int(cycles))
    talk(model)
    print(json.dumps([(later - earlier) * 1000 for earlier, later in pairwise(model.called)]))


def _talks(folder: Path, endpoint: str | None = None) -> dict[str, Callable[[], Talk]]:
    def durable() -> Talk:
        table = None if endpoint is None else EmulatedTable.at(endpoint)
        return DurableAgent(folder, table=table).talk

    return {
        "bare": lambda: bare,
        "bare-at-once": lambda: bare_at_once,
        "files": lambda: lambda model: in_files(model, folder),
        "durable": durable,
    }


if __name__ == "__main__":
    main()
