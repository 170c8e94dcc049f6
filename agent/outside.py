"""Tools whose results come from outside: the older style of tools that wait for somebody.

    @tool(context=True)
    def human_approval(content: str, tool_context: ToolContext) -> str:
        mail(content)
        tool_context.invocation_state["request_state"]["stop_event_loop"] = True
        return "waiting for an answer"

Such a tool has begun something, and its result is still to come: as an `existing` message of the
task queue, or by whoever answers the approval that the run parks for. What it returned is shown to
them, and the model gets what they answer in its place. The tool is not entered again for it.
"""

from collections.abc import AsyncGenerator, Iterable
from typing import Any

from strands.middleware import ExecuteToolContext, MiddlewareNext, ToolResultEvent, TypedEvent
from strands.types.tools import ToolResult

from agent.questions import Answered
from runs.approvals import Decision, Question

_REQUEST_STATE = "request_state"
_STOP = "stop_event_loop"


class OutsideResults:
    """Asks for the results of tools that stop the loop; middleware inside of the effect ledger."""

    def __init__(self, answers: Iterable[Answered]) -> None:
        self._answers = {answer.asked.name: answer.decision for answer in answers}

    async def __call__(
        self,
        context: ExecuteToolContext,
        next_fn: MiddlewareNext[ExecuteToolContext, TypedEvent],
    ) -> AsyncGenerator[TypedEvent, None]:
        """Give a tool's result: what somebody answered, else what the tool gives."""
        tool_use_id = context.tool_use["toolUseId"]
        name = f"result of {tool_use_id}"
        if (decision := self._answers.get(name)) is not None:
            yield ToolResultEvent(_result(tool_use_id, decision))
            return
        shared: dict[str, Any] = context.invocation_state.setdefault(_REQUEST_STATE, {})
        # Of its own, so that it is known which of the tools that run side by side has stopped.
        own = dict(shared)
        state = {**context.invocation_state, _REQUEST_STATE: own}
        result: ToolResultEvent | None = None
        async for event in next_fn(context.replace(invocation_state=state)):
            if isinstance(event, ToolResultEvent):
                result = event
            else:
                yield event
        if result is None:
            return
        waits = own.pop(_STOP, False) and result.tool_result["status"] == "success"
        shared.update(own)
        if waits:
            context.interrupt(name, reason=_question(context, result.tool_result))
        yield result


def _question(context: ExecuteToolContext, said: ToolResult) -> Question:
    text = "\n".join(block["text"] for block in said["content"] if "text" in block)
    what = f"give the result of {context.tool_use['name']}"
    return Question(what=what, content=text, takes_result=True)


def _result(tool_use_id: str, decision: Decision) -> ToolResult:
    if not decision.is_approved:
        why = decision.comment or "denied"
        return {"toolUseId": tool_use_id, "status": "error", "content": [{"text": why}]}
    text = decision.comment if decision.content is None else decision.content
    return {
        "toolUseId": tool_use_id,
        "status": "success",
        "content": [{"text": text or "approved"}],
    }
