"""The receipt of a run: what was paid for, what of it twice, and what replay saved.

Read off the head and the timeline alone: what it needs to know is recorded with the calls.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from runs.events import Event, EventType
from runs.json_types import Json
from runs.run import Run, Usage


class Resumed(StrEnum):
    """What an attempt went on after."""

    #: The worker before it died, or was not heard of for a lease's time.
    LOST = "lost"
    #: The worker before it handed the run back, at its shutdown.
    RELEASED = "released"
    #: The run had been parked.
    PARKED = "parked"
    #: Somebody took the run up again after its end.
    RETRIED = "retried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """What an attempt found done when it went on, and so did not do, or pay for, again."""

    attempt: int
    after: Resumed
    usage: Usage
    #: Steps that had been finished, and how long they had taken.
    steps: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a run's model calls came to."""

    #: All calls that returned, over all attempts.
    paid: Usage
    #: The same of the other runs of the family this one began.
    children: Usage
    #: Of `paid`, what was for calls that an earlier attempt had begun, or was just about to: its
    #: worker died, or was told to stop, before their answer was recorded. And answers that were
    #: thrown away. Each is counted once, by what the later call cost; what the cut one had cost
    #: nobody was told, and is in no number here.
    repeated: Usage
    #: The attempts that went on with something: what a plain retry from the start would have paid
    #: again to get there. An attempt counts once, however often it replayed, and only if it got
    #: further than what it found.
    resumptions: tuple[Resumption, ...]

    @property
    def saved(self) -> Usage:
        """Give what replay saved: the sum over the attempts that went on with something."""
        return sum((each.usage for each in self.resumptions), Usage())

    @property
    def saved_steps(self) -> int:
        """Count the finished steps that were not done again, once per attempt."""
        return sum(each.steps for each in self.resumptions)

    @property
    def saved_seconds(self) -> float:
        """Give how long those steps had taken."""
        return sum(each.seconds for each in self.resumptions)


def receipt(run: Run, events: Iterable[Event]) -> Receipt:
    """Make the receipt of a run from its head and its timeline."""
    reading = _Reading()
    for event in events:
        reading.read(event)
    return Receipt(
        paid=run.usage,
        children=run.children_usage,
        repeated=reading.repeated,
        resumptions=tuple(reading.resumptions),
    )


def usage_of_call(event: Event) -> Usage:
    """Give what a model call used, from the event that tells of it."""
    cost = event.details.get("CostUsd")
    return Usage(
        model_calls=1,
        input_tokens=_count(event, "InputTokens"),
        output_tokens=_count(event, "OutputTokens"),
        cache_read_tokens=_count(event, "CacheReadTokens"),
        cache_write_tokens=_count(event, "CacheWriteTokens"),
        cost_nano_usd=int(Decimal(cost).scaleb(9)) if isinstance(cost, str) else 0,
        unpriced_calls=int(cost is None),
    )


#: What an attempt records only when it gets further than the one before.
_FURTHER = frozenset(
    {
        EventType.EXECUTION_SUCCEEDED,
        EventType.CONTEXT_STARTED,
        EventType.CONTEXT_SUCCEEDED,
        EventType.CONTEXT_FAILED,
        EventType.STEP_STARTED,
        EventType.STEP_SUCCEEDED,
        EventType.STEP_FAILED,
        EventType.WAIT_STARTED,
        EventType.CALLBACK_STARTED,
        EventType.CHAINED_INVOKE_STARTED,
        EventType.MODEL_CALLED,
        EventType.TOOL_CALLED,
        EventType.TOOL_RETURNED,
        EventType.ARTIFACT_SAVED,
    }
)
_PAUSES = {
    EventType.RUN_PARKED: Resumed.PARKED,
    EventType.LEASE_RELEASED: Resumed.RELEASED,
    EventType.RUN_RETRIED: Resumed.RETRIED,
}


@dataclass(slots=True)
class _Reading:
    """A timeline, read as far as it goes."""

    repeated: Usage = field(default_factory=Usage)
    resumptions: list[Resumption] = field(default_factory=list)
    #: What the calls of each agent came to that are still in its conversation.
    _kept: defaultdict[str, Usage] = field(default_factory=lambda: defaultdict(Usage))
    #: How long each finished step had taken.
    _steps: dict[str, float] = field(default_factory=dict)
    _began_at: dict[str, datetime] = field(default_factory=dict)
    #: The agents that had no call in flight when they were last heard of.
    _settled: set[str] = field(default_factory=set)
    _after: Resumed = Resumed.LOST
    #: What an attempt found, until it gets further.
    _found: Resumption | None = None

    def read(self, event: Event) -> None:
        """Take an event in."""
        if self._found and event.attempt == self._found.attempt and event.type in _FURTHER:
            self.resumptions.append(self._found)
            self._found = None
        self._after = _PAUSES.get(event.type, self._after)
        match event.type:
            case EventType.LEASE_CLAIMED:
                self._claimed(event)
            case EventType.RUN_RETRIED:
                self._forget(event)
            case EventType.MODEL_CALLED:
                self._called(event)
            case EventType.MODEL_FAILED if event.name:
                self._settled.add(event.name)
            case EventType.STEP_STARTED | EventType.STEP_SUCCEEDED | EventType.STEP_FAILED:
                self._stepped(event)
            case _:
                pass

    def _claimed(self, event: Event) -> None:
        usage = sum(self._kept.values(), Usage())
        self._found = None
        if usage.model_calls or self._steps:
            self._found = Resumption(
                attempt=event.attempt,
                after=self._after,
                usage=usage,
                steps=len(self._steps),
                seconds=sum(self._steps.values()),
            )
        self._after = Resumed.LOST
        # What was going on goes on from now: the time nobody worked is no part of a step.
        self._began_at = dict.fromkeys(self._began_at, event.at)

    def _called(self, event: Event) -> None:
        agent, usage = event.name or "", usage_of_call(event)
        is_again = event.details.get("Resumed") is True and agent not in self._settled
        is_discarded = event.details.get("Discarded") is True
        self._settled.discard(agent)
        if is_again or is_discarded:
            self.repeated += usage
        if not is_discarded:
            self._kept[agent] += usage

    def _stepped(self, event: Event) -> None:
        step = event.operation_id or ""
        if event.type is EventType.STEP_STARTED:
            self._began_at[step] = event.at
            return
        began_at = self._began_at.pop(step, event.at)
        # An agent's own step has its name, and a number from its second turn on. When it has
        # ended, however it did, no call of the agent is in flight.
        self._settled |= {event.name or "", (event.name or "").rpartition("-")[0]}
        if event.type is EventType.STEP_SUCCEEDED and not event.is_tried_again:
            self._steps[step] = (event.at - began_at).total_seconds()

    def _forget(self, event: Event) -> None:
        """Leave out what a retry dropped: it is paid for again, because somebody wanted it so."""
        for operation_id in _texts(event.details.get("DroppedSteps")):
            self._steps.pop(operation_id, None)
        for agent in _texts(event.details.get("ForgottenAgents")):
            self._kept.pop(agent, None)


def _count(event: Event, name: str) -> int:
    value = event.details.get(name)
    return value if isinstance(value, int) else 0


def _texts(value: Json) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
