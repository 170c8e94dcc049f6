"""What an agent asks people, and the answers on their way back to it.

A tool or a hook that needs an answer raises an interrupt. The agent's turn ends with it, and so
does the durable step around it: what is asked is the step's checkpoint. The workflow asks, parks,
and hands the answers to the step of the next turn, in another process days later.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from strands.interrupt import Interrupt
from strands.types.interrupt import InterruptResponseContent
from strands.types.tools import ToolUse

from agent.saved import to_json
from runs.approvals import Decision, Question
from runs.json_types import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question that an agent's turn stopped with."""

    #: How Strands finds the interrupt again: the same each time the tool or hook comes to it.
    interrupt_id: str
    #: What the tool or hook calls it.
    name: str
    question: Question
    #: How many messages the conversation had. The answer is to what was asked there, and to
    #: nothing that is asked later under the same id.
    place: int

    @classmethod
    def from_interrupt(cls, interrupt: Interrupt, use: ToolUse | None, *, place: int) -> "Asked":
        """Make a question of an interrupt, and of the tool call it stops if it is known."""
        question = _question(interrupt)
        if use is not None:
            arguments = to_json(use["input"])
            question = replace(
                question, tool=use["name"], arguments=arguments, tool_use_id=use["toolUseId"]
            )
        return cls(interrupt_id=interrupt.id, name=interrupt.name, question=question, place=place)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Asked":
        """Read what `to_json` gave."""
        return cls(**{**data, "question": Question.from_json(data["question"])})

    def to_json(self) -> dict[str, Json]:
        """Write the question, for the checkpoint of the turn."""
        return {
            "interrupt_id": self.interrupt_id,
            "name": self.name,
            "question": self.question.to_json(),
            "place": self.place,
        }


@dataclass(frozen=True, slots=True)
class Answered:
    """A question, and what a person decided."""

    asked: Asked
    decision: Decision


def denial(decision: Decision) -> str:
    """Say that it was denied, by whom and why: "denied by ada: too long"."""
    by = f" by {decision.by}" if decision.by else ""
    why = f": {decision.comment}" if decision.comment else ""
    return f"denied{by}{why}"


def at_place(answers: Iterable[Answered], place: int) -> tuple[Answered, ...]:
    """Give the answers to what was asked when the conversation had so many messages."""
    return tuple(answer for answer in answers if answer.asked.place == place)


def interrupt_state(answers: Sequence[Answered], context: Json) -> dict[str, Json]:
    """Give the state in which Strands takes answers: what they are to, and none given yet.

    Strands would keep what is pending, too: the message and the results of the tools that
    finished. The conversation and the ledger have both, also where a worker died before it could
    have kept them, so there is one way to go on and not two.
    """
    interrupts: dict[str, Json] = {
        answer.asked.interrupt_id: {"id": answer.asked.interrupt_id, "name": answer.asked.name}
        for answer in answers
    }
    return {"interrupts": interrupts, "context": context, "activated": bool(answers)}


def responses(answers: Iterable[Answered]) -> list[InterruptResponseContent]:
    """Give answers as Strands takes them: the tool or hook gets the decision's JSON."""
    return [
        {
            "interruptResponse": {
                "interruptId": answer.asked.interrupt_id,
                "response": json.loads(answer.decision.to_payload()),
            }
        }
        for answer in answers
    ]


def _question(interrupt: Interrupt) -> Question:
    """Make a question of what a tool or hook gives as the reason of its interrupt."""
    reason: object = interrupt.reason
    match reason:
        case Question():
            return reason
        case str():
            return Question(what=interrupt.name, content=reason)
        case None:
            return Question(what=interrupt.name)
        case {"what": str()}:
            try:
                return Question.from_json(cast("Mapping[str, Any]", reason))
            except (TypeError, ValueError):
                return _in_full(interrupt)
        case _:
            return _in_full(interrupt)


def _in_full(interrupt: Interrupt) -> Question:
    content = json.dumps(to_json(interrupt.reason), indent=2, ensure_ascii=False)
    return Question(what=interrupt.name, content=content)
