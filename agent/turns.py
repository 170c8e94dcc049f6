"""An agent's turns as durable steps, and the questions that people answer between them."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from aws_durable_execution_sdk_python import BatchResult, DurableContext, StepContext
from aws_durable_execution_sdk_python.config import MapConfig, StepConfig
from aws_durable_execution_sdk_python.retries import RetryDecision

from agent.approvals import ask_approval
from agent.converse import converse
from agent.errors import BudgetExceededError
from agent.models.loaded import LoadedModel
from agent.overrun import OverBudget, Overrun
from agent.place import Paused, Task
from agent.questions import Answered, Asked, denial
from agent.services import attempt_of
from runs.approvals import Decision
from runs.budget import Budget, Standing
from runs.json_types import Json

#: Decides on an agent that gave no answer, from the error and how often it was tried.
Retry = Callable[[Exception, int], RetryDecision]


@dataclass(slots=True, kw_only=True)
class Turns:
    """One agent's way to its answer.

    A turn is a step. What it leaves, if not the answer, is a list of what it asks: answers are
    texts and objects, so nothing else is one.
    """

    context: DurableContext
    task: Task
    #: Loads the model; called inside the step, as providers keep connections of one event loop.
    load: Callable[[], LoadedModel]
    retry: Retry
    over_budget: OverBudget | None = None
    _answers: list[Answered] = field(default_factory=list)
    #: What a person let the agent go on with, since its last turn.
    _raised: Budget = field(default_factory=Budget)
    #: The limit at which it was told not to go on, and how.
    _denied: tuple[Standing, str] | None = None

    def answer(self) -> Json:
        """Take turns until there is an answer, and give it."""
        asking = attempt_of(self.context).asking
        if self.over_budget is not None:
            asking.add(self.task.name)
        try:
            return self._answer()
        finally:
            asking.discard(self.task.name)

    def _answer(self) -> Json:
        config: StepConfig = StepConfig(retry_strategy=_within_budget(self.retry))
        names = _step_names(self.task.name)
        while isinstance(left := self._turn(next(names), config), list):
            self._ask(cast("list[dict[str, Any]]", left))
        return left

    def _turn(self, name: str, config: StepConfig) -> Json:
        left: Json = self.context.step(self._take_up, name=name, config=config)
        return left

    def _take_up(self, _: StepContext) -> Json:
        attempt = attempt_of(self.context)
        if self._raised.is_set:
            attempt.raise_budget(self._raised)
        try:
            turn = converse(attempt, self.load(), self.task, self._answers)
        except BudgetExceededError as error:
            return [self._overrun(error).to_json()]
        return [each.to_json() for each in turn.asked] if isinstance(turn, Paused) else turn.answer

    def _overrun(self, error: BudgetExceededError) -> Overrun:
        """Make a question of a limit; raise the error where nobody is to be asked, or was."""
        limit = error.standing
        # Said here, in a step, and not where the answer came: a retry with a higher limit takes
        # up the step that failed, and comes past this.
        if self._denied is not None and not _is_beyond(limit, self._denied[0]):
            raise BudgetExceededError(error.session_id, limit, denial=self._denied[1])
        question = self.over_budget(limit) if self.over_budget else None
        if question is None:
            raise error
        return Overrun(session_id=error.session_id, standing=limit, question=question)

    def _ask(self, left: list[dict[str, Any]]) -> None:
        self._raised, self._denied = Budget(), None
        if "limit" in left[0]:
            self._ask_for_more(Overrun.from_json(left[0]))
            return
        asked = [Asked.from_json(each) for each in left]
        self._answers += map(Answered, asked, self._ask_all(asked))

    def _ask_for_more(self, overrun: Overrun) -> None:
        name = f"{self.task.name}-over-budget"
        decision = ask_approval(self.context, overrun.question, name=name)
        if decision.is_approved:
            self._raised = overrun.raised(decision)
        else:
            self._denied = overrun.standing, denial(decision)

    def _ask_all(self, asked: Sequence[Asked]) -> Sequence[Decision]:
        """Ask everything at once, and wait until all of it is answered."""
        agent = self.task.name
        if len(asked) == 1:
            return [ask_approval(self.context, asked[0].question, name=f"{agent}-approval")]

        def branch(child: DurableContext, _: object, place: int, __: object) -> str:
            name = f"{agent}-approval-{place + 1}"
            return ask_approval(child, asked[place].question, name=name).to_payload()

        config: MapConfig[str] = MapConfig(item_namer=lambda _, place: f"question-{place + 1}")
        batch: BatchResult[str] = self.context.map(
            [each.name for each in asked], branch, name=f"{agent}-approvals", config=config
        )
        return [Decision.from_payload(payload) for payload in batch.get_results()]


def _step_names(agent: str) -> Iterator[str]:
    """Name the turns of an agent: one that asks nothing has a single step, of its own name."""
    yield agent
    yield from (f"{agent}-{turn}" for turn in itertools.count(2))


def _is_beyond(limit: Standing, denied: Standing) -> bool:
    """Say whether a limit is another than the one that was asked about, or has been raised."""
    return limit.limit != denied.limit or limit.allowed > denied.allowed


def _within_budget(retry: Retry) -> Retry:
    """Decide as given, but when the budget is used up: trying again would find it so again."""

    def decide(error: Exception, tries: int) -> RetryDecision:
        is_over = isinstance(error, BudgetExceededError)
        return RetryDecision.no_retry() if is_over else retry(error, tries)

    return decide
