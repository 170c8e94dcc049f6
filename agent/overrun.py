"""Going on over budget: an agent that comes to a limit asks, instead of ending the run.

run_agent(context, ..., over_budget=more(max_tokens=100_000, max_cost_usd="0.50"))
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from typing import Any

from runs.approvals import Decision, Question
from runs.budget import Budget, Standing
from runs.json_types import Json

#: Says what to ask at a limit. The question's content is how much more is proposed, as a number;
#: None ends the run.
OverBudget = Callable[[Standing], Question | None]

_UNITS = {"max_tokens": "tokens", "max_cost_usd": "US dollars", "max_seconds": "seconds of work"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrun:
    """A limit that an agent came to, and the question whether to go on."""

    #: The run that holds the budget.
    session_id: str
    standing: Standing
    question: Question

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Overrun":
        """Read what `to_json` gave."""
        standing = Standing(
            limit=data["limit"], allowed=Decimal(data["allowed"]), used=Decimal(data["used"])
        )
        question = Question.from_json(data["question"])
        return cls(session_id=data["session_id"], standing=standing, question=question)

    def to_json(self) -> dict[str, Json]:
        """Write the question, for the checkpoint of the turn; amounts are texts."""
        return {
            "session_id": self.session_id,
            "limit": self.standing.limit,
            "allowed": str(self.standing.allowed),
            "used": str(self.standing.used),
            "question": self.question.to_json(),
        }

    def raised(self, decision: Decision) -> Budget:
        """Give the budget to go on with: what is used, and as much more as was approved.

        It is an absolute amount. Of several agents that came to the limit together and were all
        approved, each raises it to about the same, and not each by as much. An amount that can't
        be read, or be a limit, raises nothing: the agent comes to the limit again, and asks again.
        """
        text = self.question.content if decision.content is None else decision.content
        try:
            more = Decimal(text.strip().lstrip("$").replace(",", ""))
            return _budget(self.standing.limit, self.standing.used + more) if more > 0 else Budget()
        except (DecimalException, ValueError, OverflowError):
            return Budget()


def more(
    *,
    max_tokens: int | None = None,
    max_cost_usd: Decimal | str | None = None,
    max_seconds: float | None = None,
    **parts: Any,  # noqa: ANN401 - of a question
) -> OverBudget:
    """Propose to go on with so much more at each limit; one without an amount ends the run.

    Args:
        max_tokens: How many more tokens.
        max_cost_usd: How many more US dollars.
        max_seconds: How many more seconds of work.
        **parts: Other parts of the `Question`, such as `may_decide` and `expires_in`.
    """
    amounts = {"max_tokens": max_tokens, "max_cost_usd": max_cost_usd, "max_seconds": max_seconds}

    def ask(standing: Standing) -> Question | None:
        amount = amounts[standing.limit]
        if amount is None:
            return None
        what = f"go on over budget: {standing}; with how many {_UNITS[standing.limit]} more?"
        return Question(what=what, content=str(amount), **parts)

    return ask


def _budget(limit: str, amount: Decimal) -> Budget:
    match limit:
        case "max_tokens":
            return Budget(max_tokens=math.ceil(amount))
        case "max_cost_usd":
            return Budget(max_cost_usd=amount)
        case _:
            return Budget(max_seconds=float(amount))
