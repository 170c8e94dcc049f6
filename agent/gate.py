"""Tools behind a gate: a person decides on a call before its tool is entered.

    def on_publishing(arguments: Mapping[str, Json]) -> Question | None:
        if arguments["unicorn_color"] != "rainbow":
            return None
        return Question(what="publish it", content=str(arguments["content"]), edits="content")

    run_agent(context, ..., approve={"publish_post": on_publishing})

The gate is a hook before the tool, not the model's choice. An approval is for one call and for
these very arguments: whatever changes them is asked about again.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from strands.hooks import (
    AfterToolCallEvent,
    BeforeToolCallEvent,
    HookOrder,
    HookProvider,
    HookRegistry,
)
from strands.types.tools import ToolResultContent, ToolUse

from agent.questions import Answered, denial
from agent.saved import to_json
from runs.approvals import Question
from runs.json_types import Json

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WithPast:
    """A policy that goes by what people decided earlier in the conversation, too.

    They come in the order they were asked. What the call itself asked is not among them, however
    often the policy is called.
    """

    decide: Callable[[Mapping[str, Json], Sequence[Answered]], Question | None]


#: Says what to ask about a call with these arguments; None lets it pass.
Policy = Callable[[Mapping[str, Json]], Question | None] | WithPast


class Gate(HookProvider):
    """Asks about calls of some tools, and lets them through, changed or not, as was decided."""

    def __init__(
        self,
        policies: Mapping[str, Policy],
        answers: Iterable[Answered],
        *,
        past: Callable[[], Sequence[Answered]] = tuple,
    ) -> None:
        self._policies = policies
        self._past = past
        #: By what was asked about: a call and its arguments.
        self._answers = {answer.asked.name: answer for answer in answers}
        #: The calls that were changed, as they were made.
        self._changed: dict[str, str] = {}
        #: Whether an agent was built with this gate.
        self.is_in_use = False

    def register_hooks(self, registry: HookRegistry, **_: object) -> None:
        """See `HookProvider.register_hooks`."""
        self.is_in_use = True
        # Last, so that a hook of the agent's own has changed before what it wants to change.
        registry.add_callback(BeforeToolCallEvent, self._before, order=HookOrder.SDK_LAST)
        registry.add_callback(AfterToolCallEvent, self._after)

    def _before(self, event: BeforeToolCallEvent) -> None:
        # A call that a hook refused, or of an unknown tool, is not made anyway.
        if event.selected_tool is None or event.cancel_tool:
            return
        policy = self._policies.get(event.selected_tool.tool_name)
        if policy is None:
            return
        name = _name(event.tool_use)
        answer = self._answers.get(name)
        if answer is not None:
            self._apply(event, answer)
            return
        try:
            question = self._question(policy, event.tool_use)
        except Exception as error:
            # Arguments are the model's, and may lack what the policy looks at: it can do better.
            logger.exception("policy of a gate failed", extra={"tool": event.tool_use["name"]})
            event.cancel_tool = f"This call was not made: {type(error).__name__}: {error}"
            return
        if question is not None:
            event.interrupt(name, reason=question)

    def _question(self, policy: Policy, use: ToolUse) -> Question | None:
        arguments = cast("Mapping[str, Json]", to_json(use["input"]))
        if isinstance(policy, WithPast):
            return policy.decide(arguments, self._past())
        return policy(arguments)

    def _apply(self, event: BeforeToolCallEvent, answer: Answered) -> None:
        decision, question = answer.decision, answer.asked.question
        if not decision.is_approved:
            event.cancel_tool = f"This call was not made: it was {denial(decision)}"
            return
        if decision.content in (None, question.content):
            return
        if question.edits is None:
            event.cancel_tool = (
                "This call was not made: it was approved with a changed content, and no argument "
                f"takes one. Call again with what was approved:\n\n{decision.content}"
            )
            return
        use = event.tool_use
        changed = cast(
            "ToolUse", {**use, "input": {**use["input"], question.edits: decision.content}}
        )
        event.tool_use = changed
        # If a hook has the call made again, it is with these arguments, and they were approved.
        name = _name(changed)
        self._answers[name] = replace(answer, decision=replace(decision, content=None))
        self._changed[name] = question.edits

    def _after(self, event: AfterToolCallEvent) -> None:
        """Tell the model what was changed: it should report what was done."""
        edits = self._changed.get(_name(event.tool_use))
        if edits is None:
            return
        text = json.dumps(event.tool_use["input"][edits], ensure_ascii=False)
        note: ToolResultContent = {"text": f"Made with {edits} as a person changed it: {text}"}
        event.result = {**event.result, "content": [*event.result["content"], note]}


def _name(use: ToolUse) -> str:
    """Name a call with its arguments; Strands makes an id of it."""
    text = json.dumps(to_json(use["input"]), sort_keys=True)
    return f"approve {use['toolUseId']} {hashlib.sha256(text.encode()).hexdigest()}"
