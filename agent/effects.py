"""How a tool says what a worker that died inside it means: may it be called again, or who knows?

    @effect(idempotent=True)            reads, or does the same thing however often it is called
    @tool
    def totals(...): ...

    @effect(reconcile=find_payment)     can find out afterwards whether it took effect
    @tool(context=True)
    def pay(amount: int, tool_context: ToolContext) -> str:
        key, fence = idempotency_key(tool_context), attempt_number(tool_context)
        return bank.pay(amount, key=key, fence=fence)

A tool that says nothing is never called again: the agent is told that nobody knows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from strands import ToolContext
from strands.types.tools import AgentTool

from runs.json_types import Json

_ATTRIBUTE = "errand_effect"
#: Where a tool finds its key in the invocation state Strands hands it.
KEY = "idempotency_key"
#: Where a tool finds the number of the attempt that calls it, counted from 1.
ATTEMPT = "attempt"

ToolT = TypeVar("ToolT")


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptedCall:
    """A call of a tool that an earlier attempt began, and of which no end is known."""

    tool: str
    input: Mapping[str, Json]
    #: The key the tool was given, so that others can be asked about it.
    idempotency_key: str
    #: The attempt that began it.
    attempt: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """The call took effect; `result` is what the tool would have returned."""

    result: Json


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The call took no effect: it may be made now."""


#: Finds out whether an interrupted call took effect; None where that can't be told.
Reconcile = Callable[[InterruptedCall], Taken | NotTaken | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a tool says about being called again."""

    idempotent: bool = False
    reconcile: Reconcile | None = None


def effect(
    *, idempotent: bool = False, reconcile: Reconcile | None = None
) -> Callable[[ToolT], ToolT]:
    """Declare a tool's effect: above or below `@tool`, or called on a tool of any other make.

    Args:
        idempotent: Calling again with the same input does no harm. Reading tools say so.
        reconcile: Finds out whether an interrupted call took effect.
    """
    declared = Effect(idempotent=idempotent, reconcile=reconcile)

    def declare(tool: ToolT) -> ToolT:
        # A method's tool is made anew for each object, from the function: declare there too.
        for place in (tool, getattr(tool, "__wrapped__", None)):
            if place is not None:
                setattr(place, _ATTRIBUTE, declared)
        return tool

    return declare


def effect_of(tool: AgentTool) -> Effect:
    """Give what a tool declared; a tool that declared nothing must not be called again."""
    declared = getattr(tool, _ATTRIBUTE, None)
    return declared if isinstance(declared, Effect) else Effect()


def idempotency_key(tool_context: ToolContext) -> str:
    """Give the key of a tool's call: the same in every attempt, and of no other call of any run."""
    return str(tool_context.invocation_state[KEY])


def attempt_number(tool_context: ToolContext) -> int:
    """Give the number of the attempt that calls the tool, counted from 1.

    It only grows: a service that keeps the highest it has seen of a run can refuse a worker that
    was given up and does not know it yet.
    """
    return int(tool_context.invocation_state[ATTEMPT])
