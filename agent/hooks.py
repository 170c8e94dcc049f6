"""What is recorded around an agent's model calls, and how patient the agent is with its model.

A hook that raises is destructive: it can cost a paid answer. So these never do.
"""

import asyncio
import logging

from strands.hooks import (
    AfterModelCallEvent,
    BeforeModelCallEvent,
    HookOrder,
    HookProvider,
    HookRegistry,
)
from strands.types.content import Message

from agent.attempt import Attempt
from agent.budget import check_call
from agent.errors import BudgetExceededError, UnknownPriceError
from agent.memory import AgentMemory
from agent.models.loaded import LoadedModel
from agent.models.pricing import usage_of
from agent.saved import ReturnedCall
from runs.events import EventType
from runs.journal.base import Changes
from runs.json_types import Json

logger = logging.getLogger(__name__)


class ModelHooks(HookProvider):
    """Notes what each call used, names its tool calls, and tries again when that may help."""

    def __init__(
        self,
        attempt: Attempt,
        memory: AgentMemory,
        loaded: LoadedModel,
        *,
        agent: str,
    ) -> None:
        self._attempt = attempt
        self._memory = memory
        self._loaded = loaded
        self._agent = agent
        self._failures = 0
        #: Whether an agent was built with these hooks.
        self.is_in_use = False

    def register_hooks(self, registry: HookRegistry, **_: object) -> None:
        """See `HookProvider.register_hooks`."""
        self.is_in_use = True
        registry.add_callback(BeforeModelCallEvent, self._before_model_call)
        # First: one of somebody else's that raises would keep an answer, and its cost, from ours.
        order = HookOrder.SDK_FIRST
        registry.add_callback(AfterModelCallEvent, self._after_model_call, order=order)

    def _before_model_call(self, event: BeforeModelCallEvent) -> None:
        # The one hook that may raise: there is no call yet, and so no answer to lose. It comes
        # before each further call of a model that failed, too. What is saved ends with what the
        # model is to answer, so a later attempt just goes on.
        self._attempt.leave_if_paused()
        # Not in a thread: nothing of the agent goes on meanwhile, and a thread costs more than what
        # is done here most of the time.
        check_call(self._attempt, self._loaded, agent=self._agent)
        self._memory.hear(event.agent.messages)
        self._attempt.calling.add(self._agent)

    async def _after_model_call(self, event: AfterModelCallEvent) -> None:
        if isinstance(event.exception, (BudgetExceededError, UnknownPriceError)):
            return
        try:
            if event.stop_response is not None:
                self._returned(event.stop_response.message, event.stop_response.stop_reason)
            elif event.exception is not None:
                # The model may have answered, and a hook raised over it: it is paid for.
                await asyncio.to_thread(self._memory.discard)
                await self._failed(event, event.exception)
        except Exception:
            logger.exception("model hook failed", extra={"agent": self._agent})
        finally:
            self._attempt.calling.discard(self._agent)

    def _returned(self, message: Message, stop_reason: str) -> None:
        self._failures = 0
        metadata = message.get("metadata")
        # No usage: a hook of somebody else's answered in the model's place.
        if metadata is None or "usage" not in metadata:
            return
        name_tool_calls(message, agent=self._agent, index=len(self._memory.saved))
        usage, cost = usage_of(metadata["usage"], self._loaded.rates)
        call = ReturnedCall(
            model=self._loaded.model_id,
            stop_reason=stop_reason,
            usage=usage,
            cost_nano_usd=cost,
            latency_ms=int(metadata.get("metrics", {}).get("latencyMs", 0)),
        )
        self._memory.note(call)

    async def _failed(self, event: AfterModelCallEvent, error: Exception) -> None:
        pause = self._pause(error)
        details: dict[str, Json] = {
            "Model": self._loaded.model_id,
            "Error": type(error).__name__,
            "Message": str(error),
            "RetryInSeconds": pause,
        }
        failed = self._attempt.event(EventType.MODEL_FAILED, name=self._agent, details=details)
        await asyncio.to_thread(self._attempt.commit, Changes(events=(failed,)))
        if pause is not None:
            self._failures += 1
            # Waiting on the wish to leave itself: the time gives way to it at once. Who pauses the
            # run ends no try; the next call is not made.
            await asyncio.to_thread(self._attempt.leaving.wait, pause)
            event.retry = not self._attempt.stop.is_set()

    def _pause(self, error: Exception) -> float | None:
        if not self._loaded.is_transient(error) or self._failures >= len(self._loaded.pauses):
            return None
        return self._loaded.pauses[self._failures]


def name_tool_calls(message: Message, *, agent: str, index: int) -> None:
    """Name the tool calls of a message by their place: `analyst-3-0` is the first of message 3.

    Providers promise unique ids within a message at best, and some servers count from zero in
    every answer. Ours are unique within the run, so the ledger can't take one call for another,
    and the same in every attempt.
    """
    uses = [block["toolUse"] for block in message["content"] if "toolUse" in block]
    for position, use in enumerate(uses):
        use["toolUseId"] = f"{agent}-{index}-{position}"
