"""Errand's side: `python -m bench.peers.errand_app steps|map FOLDER COUNT`, `recovery` or `serve`.

Does what the peers' programs do, through the agent's own runner and, for `recovery`, its server.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, StepContext, durable_execution
from strands import Agent, tool

from agent.agents import run_agent
from agent.composition import compose, serve
from agent.config import Config
from agent.jobs import Jobs
from agent.models.offline import Conversation, Playbook, ToolCall, Turn
from agent.models.select import ModelChoice
from agent.registry import Registry
from agent.runner import Limits, Runner
from agent.settling import Settler
from bench.engine import new_run, now_utc
from runs.artifacts.folder import FolderStore
from runs.journal.sqlite import SqliteJournal
from runs.signals import NoSignal

_HANG_SECONDS = 3_600
LEASE_SECONDS = 6.0
NOTES = "steps.txt"
JOURNAL = "journal.db"
AGENTS = ("research", "analysis", "summary")
_TIMED = {"steps": "bench-steps", "map": "bench-map"}
WORKFLOWS = Path(__file__).with_name("workflows.toml")


@durable_execution
def steps(event: dict[str, Any], context: DurableContext) -> list[float]:
    """Enter as many trivial steps as the prompt says."""
    return [
        context.step(lambda _: time.perf_counter(), name=f"s{n}")
        for n in range(int(event["prompt"]))
    ]


@durable_execution
def branches(event: dict[str, Any], context: DurableContext) -> list[float]:
    """Map a trivial step over as many items as the prompt says; give when it began and ended."""
    began = time.perf_counter()
    context.map(range(int(event["prompt"])), _branch, name="branches")
    return [began, time.perf_counter()]


def _branch(context: DurableContext, item: int, _index: int, _items: Sequence[int]) -> int:
    return context.step(lambda _: item, name="work")


@durable_execution
def recovered(event: dict[str, Any], context: DurableContext) -> list[int]:
    """Do three steps, of which the second hangs the first time."""
    folder = Path(event["input"])
    return [context.step(_entering(folder, number), name=f"step {number}") for number in (1, 2, 3)]


def _entering(folder: Path, number: int) -> Callable[[StepContext], int]:
    return lambda _: _work(folder, number)


def _work(folder: Path, number: int) -> int:
    notes = folder / NOTES
    is_first = not notes.exists() or f"step {number}" not in notes.read_text()
    with notes.open("a") as file:
        file.write(f"step {number} {time.time()}\n")
    if number == 2 and is_first:
        time.sleep(_HANG_SECONDS)
    return number


@durable_execution
def three_agents(event: dict[str, Any], context: DurableContext) -> list[str]:
    """Let three agents work one after the other, each as many model calls as the prompt says."""
    counts = [int(count) for count in event["prompt"].split()]
    return [
        run_agent(
            context,
            name=name,
            build=lambda **parts: Agent(tools=[look], **parts),
            prompt=f"Look {count} times.",
            playbook=_calls(count),
        )
        for name, count in zip(AGENTS, counts, strict=True)
    ]


@tool
def look(number: int) -> str:
    """Look once more.

    Args:
        number: Which look it is.
    """
    return f"seen {number}"


def _calls(count: int) -> Playbook:
    def play(conversation: Conversation) -> Turn:
        number = conversation.turn
        if number < count - 1:
            return Turn(calls=[ToolCall("look", {"number": number})])
        return Turn(text=f"looked {number} times")

    return play


def main() -> None:
    """Do what the command line names."""
    task, folder = sys.argv[1], Path(sys.argv[2])
    if task in _TIMED:
        _run(_TIMED[task], folder, sys.argv[3])
        print(json.dumps(_run(_TIMED[task], folder, sys.argv[3])))
        return
    if task == "recovery":
        _accept_once(folder)
    _serve(folder)


def _run(workflow: str, folder: Path, count: str) -> Any:  # noqa: ANN401 - a workflow's result
    journal = journal_in(folder)
    runner = Runner(
        journal=journal,
        artifacts=FolderStore(folder / "artifacts"),
        registry=Registry.load(WORKFLOWS),
        settler=Settler(journal=journal, signal=NoSignal()),
        limits=Limits(lease_seconds=LEASE_SECONDS),
        model=ModelChoice.parse("offline"),
        clock=now_utc,
    )
    asked = new_run(workflow, count)
    job = Jobs(now_utc).begin(asked.session_id)
    if job is None:
        msg = f"session {asked.session_id} has a job already, expected a new one"
        raise RuntimeError(msg)
    runner.run(job, accept=asked)
    ended = journal.get(asked.session_id)
    journal.close()
    return ended.result if ended else None


def _accept_once(folder: Path) -> None:
    """Ask for the run, however often this process is started."""
    journal = journal_in(folder)
    asked = new_run("bench-recovered", "hang once", given=str(folder))
    journal.accept(replace(asked, session_id="recovered"))
    journal.close()


def _serve(folder: Path) -> None:
    """Be the agent's server; its poller takes up the runs that are in the journal."""
    config = Config.from_env(
        {
            "ERRAND_JOURNAL": f"sqlite:{folder / JOURNAL}",
            "ERRAND_ARTIFACTS": str(folder / "artifacts"),
            "ERRAND_LEASE_SECONDS": str(LEASE_SECONDS),
            "ERRAND_HOST": "127.0.0.1",
            "ERRAND_MODEL": os.environ.get("ERRAND_MODEL", "offline"),
            "PORT": os.environ["PORT"],
        }
    )
    serve(compose(config, Registry.load(WORKFLOWS)), port=config.port, host=config.host)


def journal_in(folder: Path) -> SqliteJournal:
    """Open the journal that the programs write."""
    return SqliteJournal(folder / JOURNAL, artifacts=FolderStore(folder / "artifacts"))


if __name__ == "__main__":
    main()
