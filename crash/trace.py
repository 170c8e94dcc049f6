"""What a run left: everything that being killed must not change, as JSON."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from agent.ledger import INTERRUPTED
from agent.saved import Saved, to_json
from crash.conversations import faults
from runs.events import Event, EventType
from runs.journal.base import Journal
from runs.json_types import Json
from runs.listing import family
from runs.run import Run

#: A trace is data of runs in many shapes.
Trace = Mapping[str, Any]


def trace_of(journal: Journal, session_id: str, *, outside: Path) -> dict[str, Json]:
    """Read what a run, and the runs it started, left in the journal and in the world outside."""
    first, *others = [_run_trace(journal, each) for each in family(journal, session_id)]
    return {**first, "children": others, "outside": _files(outside)}


def _run_trace(journal: Journal, session_id: str) -> dict[str, Json]:
    run = journal.get(session_id)
    if run is None:
        return {"status": None}
    events = [recorded.event for recorded in journal.events(session_id)]
    finished = [each for each in events if _is_finished_step(each)]
    agents = dict.fromkeys(each.name for each in events if each.type is EventType.MODEL_CALLED)
    conversations = {agent: _conversation(journal, session_id, agent) for agent in agents if agent}
    return {
        "status": run.status.value,
        "error": f"{run.error.type}: {run.error.message}" if run.error else None,
        "result": run.result,
        "artifacts": {each.name: each.sha256 for each in run.artifacts},
        "steps": _steps(finished),
        "conversations": cast("Json", conversations),
        "tools": _tools(events),
        "usage": _usage(run),
        "attempt": run.attempt,
        "invalid": [
            f"{agent}: {fault}" for agent, said in conversations.items() for fault in faults(said)
        ],
        "repeated_steps": _repeated_steps(finished),
    }


def _conversation(journal: Journal, session_id: str, agent: str) -> list[dict[str, Any]]:
    saved = [Saved.from_message(message).message for message in journal.messages(session_id, agent)]
    return [{"role": each["role"], "content": _ordered(to_json(each["content"]))} for each in saved]


def _ordered(blocks: Any) -> list[Any]:  # noqa: ANN401 - blocks of all kinds
    """Put the results of tools that ran side by side in order: they come as they are done."""
    results = [block for block in blocks if "toolResult" in block]
    results.sort(key=lambda block: block["toolResult"]["toolUseId"])
    return [*results, *(block for block in blocks if "toolResult" not in block)]


def _is_finished_step(event: Event) -> bool:
    # Each look at a condition succeeds, and only the last one ends the step.
    return event.type is EventType.STEP_SUCCEEDED and not event.is_tried_again


def _steps(finished: list[Event]) -> dict[str, Json]:
    """Count the finished steps by name."""
    done = Counter(each.name or "" for each in finished)
    return dict(sorted(done.items()))


def _repeated_steps(finished: list[Event]) -> list[Json]:
    """Name the steps that were finished more often than once."""
    times = Counter(each.operation_id for each in finished)
    names = {each.operation_id: each.name or "" for each in finished}
    return [names[operation] for operation, many in times.items() if many > 1]


def _tools(events: list[Event]) -> dict[str, Json]:
    """Give every tool call of the ledger, and how it returned: once.

    A call that asks people something is left for that as often as it is asked, and a worker that
    dies before the question is recorded has it asked again.
    """
    calls: dict[str, list[str]] = {}
    for event in events:
        use = f"{event.name} {event.details.get('ToolUseId')}"
        if event.type is EventType.TOOL_CALLED:
            calls.setdefault(use, [])
        elif _has_returned(event):
            calls.setdefault(use, []).append(str(event.details.get("Status")))
    return {use: ", ".join(returned) or "open" for use, returned in sorted(calls.items())}


def _has_returned(event: Event) -> bool:
    is_asking = event.details.get("Status") == INTERRUPTED
    return event.type is EventType.TOOL_RETURNED and not is_asking


def _usage(run: Run) -> dict[str, Json]:
    return {
        "model_calls": run.usage.model_calls,
        "input_tokens": run.usage.input_tokens,
        "output_tokens": run.usage.output_tokens,
        "cost_nano_usd": run.usage.cost_nano_usd,
    }


def _files(folder: Path) -> dict[str, Json]:
    """Give what is in the folder that stands for the world outside: lines of texts, else hashes."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): _content(path) for path in paths}


def _content(path: Path) -> Json:
    data = path.read_bytes()
    try:
        return list(data.decode().splitlines())
    except UnicodeDecodeError:
        return hashlib.sha256(data).hexdigest()
