"""Judging a killed run by an undisturbed one.

What must be the same: status, error, result, files, finished steps, conversations, tool calls and
their ends, usage, and the world outside.

What may differ, and how far: a call that a worker died in is made once more; each death may cost an
attempt. A tool that does not say what a second call means is *in doubt* where a worker died in it:
the agent is told, and what it makes of that is its own matter. Then only what no reaction may break
is looked at.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.ledger import IN_DOUBT
from crash.compare import Difference, differences, is_ignored
from crash.story import Story
from crash.trace import Trace

#: What is judged by rules of its own.
_RULED = frozenset({"attempt", "invalid", "repeated_steps"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What a run left, and how it came to that."""

    trace: Trace
    story: Story


def judge(
    undisturbed: Ending, killed: Ending, *, kills: int, ignore: Sequence[str] = ()
) -> list[Difference]:
    """Give what is wrong with a killed run; nothing if it ended as if it had not been killed."""
    found = [*_rules(undisturbed, killed, kills=kills)]
    if not doubts(killed):
        found += compared(undisturbed.trace, killed.trace)
    return [each for each in found if not is_ignored(each.path, ignore)]


def compared(wanted: Trace, got: Trace) -> Iterator[Difference]:
    """Give where two runs left different things."""
    yield from differences(_unruled(wanted), _unruled(got))


def doubts(ending: Ending) -> list[str]:
    """Name the tool calls of which nobody knows whether they took effect."""
    runs = (ending.trace, *ending.trace.get("children", ()))
    tools = (tool for run in runs for tool in run.get("tools", {}).items())
    return [use for use, returned in tools if IN_DOUBT in returned]


def _rules(undisturbed: Ending, killed: Ending, *, kills: int) -> Iterator[Difference]:
    yield from _call_rules(undisturbed, killed)
    pairs = zip(_runs(undisturbed), _runs(killed), strict=False)
    for (name, wanted), (_, got) in pairs:
        yield from _run_rules(name, wanted, got, kills=kills)
    if killed.story.stuck:
        yield Difference("status", undisturbed.trace["status"], killed.story.stuck)


def _call_rules(undisturbed: Ending, killed: Ending) -> Iterator[Difference]:
    calls, usual = killed.story.calls(), undisturbed.story.calls().made
    for name in calls.repeated:
        yield Difference("calls.repeated", "none", name)
    # Where an agent was told of a doubt it may well have asked more.
    if calls.made > usual + calls.cut and not doubts(killed):
        wanted = f"{usual} and {calls.cut} that a worker died in"
        yield Difference("calls.made", wanted, calls.made)
    cut, paused = killed.story.cut_tools(), killed.story.paused_tools()
    for use in doubts(killed):
        if use.split()[-1] not in cut:
            yield Difference(f"tools.{use}", "no doubt: no worker died in it", IN_DOUBT)
    entered = [line["tool_use_id"] for line in killed.story.entered()]
    for use in dict.fromkeys(entered):
        if entered.count(use) > 1 + cut.get(use, 0) + paused.get(use, 0):
            yield Difference(f"tools.{use}", "entered once", f"entered {entered.count(use)} times")


def _run_rules(name: str, wanted: Trace, got: Trace, *, kills: int) -> Iterator[Difference]:
    for fault in got.get("invalid", ()):
        if fault not in wanted.get("invalid", ()):
            yield Difference(f"{name}conversations", "valid", fault)
    for step in got.get("repeated_steps", ()):
        yield Difference(f"{name}steps.{step}", "finished once", "finished again")
    for use, returned in got.get("tools", {}).items():
        if "," in returned:
            yield Difference(f"{name}tools.{use}", "returned once", f"returned {returned}")
    least, at = wanted.get("attempt", 0), got.get("attempt", 0)
    if not least <= at <= least + kills:
        yield Difference(f"{name}attempt", f"{least} to {least + kills}", at)


def _runs(ending: Ending) -> list[tuple[str, Trace]]:
    children = enumerate(ending.trace.get("children", ()))
    return [("", ending.trace), *((f"children[{at}].", child) for at, child in children)]


def _unruled(trace: Trace) -> Trace:
    kept = {name: value for name, value in trace.items() if name not in _RULED}
    return kept | {"children": [_unruled(child) for child in trace.get("children", ())]}
