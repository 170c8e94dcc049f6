"""The effect ledger: every tool call is entered before and closed after, so none is made twice.

    before    STARTED and `ToolCalled`          in one write
    after     DONE(result) and `ToolReturned`   in one write
    or        PAUSED and `ToolReturned`         in one write: the tool asked for an answer

A later attempt that meets an entry: DONE gives the saved result, and the tool is not entered.
PAUSED enters it again. STARTED alone is in doubt: the tool is called again if it declared that
harmless, else its own `reconcile` is asked, else the agent is told that nobody knows.

A result is needed here until the message that holds it is saved; `AgentMemory` drops it then, so
that the journal keeps every result once.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import ParamSpec, TypeVar, cast

from strands.interrupt import InterruptException
from strands.middleware import ExecuteToolContext, MiddlewareNext, ToolResultEvent, TypedEvent
from strands.tools.structured_output.structured_output_tool import StructuredOutputTool
from strands.types.session import decode_bytes_values
from strands.types.tools import AgentTool, ToolResult, ToolUse

from agent.attempt import Attempt
from agent.effects import ATTEMPT, KEY, InterruptedCall, NotTaken, Taken, effect_of
from agent.memory import AgentMemory
from agent.saved import to_json
from runs.events import EventType
from runs.journal.base import Changes, ToolEntry, ToolStatus
from runs.json_types import Json

logger = logging.getLogger(__name__)

#: What `ToolReturned` calls a result that only says that nobody knows.
IN_DOUBT = "in_doubt"
#: And what it calls no result: the tool waits for an answer.
INTERRUPTED = "interrupted"
#: The event by which a tool says that it asked for an answer; Strands does not export its type.
_INTERRUPT = "tool_interrupt_event"

P = ParamSpec("P")
T = TypeVar("T")


class EffectLedger:
    """Wraps the tool calls of one agent; middleware of Strands' `ExecuteToolStage`."""

    def __init__(self, attempt: Attempt, memory: AgentMemory, *, agent: str) -> None:
        self._attempt = attempt
        self._memory = memory
        self._agent = agent
        #: The calls of which the ledger may know: those that an earlier attempt's message asked
        #: for, until they are made here. From then on a hook may have them made once more.
        self._inherited = set(memory.unanswered())

    async def __call__(
        self,
        context: ExecuteToolContext,
        next_fn: MiddlewareNext[ExecuteToolContext, TypedEvent],
    ) -> AsyncGenerator[TypedEvent, None]:
        """Give a tool's result: from the ledger where it is known, else from the tool."""
        tool, use = context.tool, context.tool_use
        # An unknown tool is not entered, and a structured answer has no effect to keep.
        if tool is None or isinstance(tool, StructuredOutputTool):
            async for event in next_fn(context):
                yield event
            return
        known = await self._or_fail(self._known(tool, use))
        if known is not None:
            yield ToolResultEvent(known)
            return
        entry = self._started(use)
        await self._or_fail(self._beside(self._enter, entry))
        result: ToolResultEvent | None = None
        try:
            async for event in next_fn(self._with_key(context)):
                if isinstance(event, ToolResultEvent):
                    result = event
                    continue
                if _INTERRUPT in event:
                    # Before it is passed on: Strands asks for no event after it.
                    await self._or_fail(self._beside(self._pause, entry))
                yield event
        except InterruptException:
            await self._or_fail(self._beside(self._pause, entry))
            raise
        if result is None:
            return
        if not self._has_given_up(tool, result.tool_result):
            await self._or_fail(self._beside(self._close, entry, result.tool_result))
        yield result

    async def _or_fail(self, work: Awaitable[T]) -> T:
        """Await work of the journal; if it fails, the agent must not go on.

        Strands hands the error to the model as the tool's own. The memory refuses the message
        that would say so, and raises the error again.
        """
        try:
            return await work
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._memory.fail(error)
            raise

    async def _beside(self, write: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """Write to the journal without keeping other calls of the same message from their work.

        A call that is alone has nobody beside it: a thread would cost as much as the write.
        """
        if len(self._memory.unanswered()) > 1:
            return await asyncio.to_thread(write, *given, **named)
        return write(*given, **named)

    async def _known(self, tool: AgentTool, use: ToolUse) -> ToolResult | None:
        """Find the result of a call an earlier attempt began; None if it must be made now."""
        if use["toolUseId"] not in self._inherited:
            return None
        entry = await asyncio.to_thread(self._read, use["toolUseId"])
        known = await asyncio.to_thread(self._settle, tool, use, entry) if entry else None
        # What is in doubt stays so, whatever a hook makes of a result that is an error.
        if entry is None or known != _in_doubt(entry):
            self._inherited.discard(use["toolUseId"])
        return known

    def _settle(self, tool: AgentTool, use: ToolUse, entry: ToolEntry) -> ToolResult | None:
        """Give what an entry says, its doubts decided; None if the call may be made."""
        if entry.status is ToolStatus.PAUSED:
            return None
        if entry.status is ToolStatus.DONE:
            self._memory.hold(entry)
            return cast("ToolResult", decode_bytes_values(entry.result))
        effect = effect_of(tool)
        if effect.idempotent:
            return None
        verdict = None
        if effect.reconcile is not None:
            call = InterruptedCall(
                tool=entry.tool,
                input=cast("Mapping[str, Json]", use["input"]),
                idempotency_key=self._key(use),
                attempt=entry.attempt,
                started_at=entry.started_at,
            )
            verdict = effect.reconcile(call)
        match verdict:
            case Taken(result):
                found = _tool_result(use["toolUseId"], result)
                self._close(entry, found)
                return found
            case NotTaken():
                return None
            case None:
                logger.warning(
                    "tool call in doubt", extra={"tool": entry.tool, "attempt": entry.attempt}
                )
                unknown = _in_doubt(entry)
                self._close(entry, unknown, status=IN_DOUBT)
                return unknown

    def _has_given_up(self, tool: AgentTool, result: ToolResult) -> bool:
        """Say whether a tool failed only because it must stop: it may be called again then."""
        is_stopped = self._attempt.stop.is_set()
        return is_stopped and result["status"] == "error" and effect_of(tool).idempotent

    def _with_key(self, context: ExecuteToolContext) -> ExecuteToolContext:
        state = {
            **context.invocation_state,
            KEY: self._key(context.tool_use),
            ATTEMPT: self._attempt.lease.attempt,
        }
        return context.replace(invocation_state=state)

    def _key(self, use: ToolUse) -> str:
        life = f"retry-{self._memory.life}/" if self._memory.life else ""
        return f"{self._attempt.session_id}/{life}{use['toolUseId']}"

    def _read(self, tool_use_id: str) -> ToolEntry | None:
        journal, session_id = self._attempt.journal, self._attempt.session_id
        return self._attempt.patiently(lambda: journal.tool(session_id, tool_use_id))

    def _started(self, use: ToolUse) -> ToolEntry:
        return ToolEntry(
            tool_use_id=use["toolUseId"],
            agent=self._agent,
            tool=use["name"],
            status=ToolStatus.STARTED,
            attempt=self._attempt.lease.attempt,
            started_at=self._attempt.clock(),
        )

    def _enter(self, entry: ToolEntry) -> None:
        # A sibling's failed write stops the agent: nothing more is begun.
        if self._memory.failure is not None:
            raise self._memory.failure
        self._attempt.leave_if_stopped()
        details: dict[str, Json] = {"Agent": self._agent, "ToolUseId": entry.tool_use_id}
        called = self._attempt.event(EventType.TOOL_CALLED, name=entry.tool, details=details)
        self._attempt.commit(Changes(tools=(entry,), events=(called,)))

    def _pause(self, entry: ToolEntry) -> None:
        self._record(replace(entry, status=ToolStatus.PAUSED), status=INTERRUPTED)

    def _close(self, entry: ToolEntry, result: ToolResult, *, status: str | None = None) -> None:
        done = replace(entry, status=ToolStatus.DONE, result=to_json(result))
        self._memory.hold(self._record(done, status=status or result["status"]))

    def _record(self, entry: ToolEntry, *, status: str) -> ToolEntry:
        """Write how a call was left, and give the entry as it was written."""
        now = self._attempt.clock()
        ended = replace(entry, ended_at=now)
        details: dict[str, Json] = {
            "Agent": self._agent,
            "ToolUseId": entry.tool_use_id,
            "Status": status,
            "DurationMs": int((now - entry.started_at).total_seconds() * 1000),
        }
        returned = self._attempt.event(EventType.TOOL_RETURNED, name=entry.tool, details=details)
        self._attempt.commit(Changes(tools=(ended,), events=(returned,), is_advance=True))
        return ended


def _tool_result(tool_use_id: str, result: Json) -> ToolResult:
    """Shape what a tool would have returned as Strands shapes what tools return."""
    if isinstance(result, Mapping) and {"status", "content"} <= result.keys():
        return cast("ToolResult", {**result, "toolUseId": tool_use_id})
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    return {"toolUseId": tool_use_id, "status": "success", "content": [{"text": text}]}


def _in_doubt(entry: ToolEntry) -> ToolResult:
    text = (
        f"The worker died while {entry.tool} was running. Nobody knows whether the call took "
        "effect, and it was not made again. Find out before you call it with the same input."
    )
    return {"toolUseId": entry.tool_use_id, "status": "error", "content": [{"text": text}]}
