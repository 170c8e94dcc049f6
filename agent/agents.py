"""Agents inside workflows: one durable step whose conversation survives the death of its worker."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast, overload

from aws_durable_execution_sdk_python import BatchResult, DurableContext, StepContext
from aws_durable_execution_sdk_python.config import Duration, StepConfig
from aws_durable_execution_sdk_python.retries import RetryDecision
from pydantic import BaseModel

from agent.approvals import ask_approval
from agent.converse import converse
from agent.errors import BudgetExceededError
from agent.gate import Policy
from agent.models.offline import Playbook
from agent.models.select import load_model
from agent.place import Build, Paused, Task
from agent.questions import Answered, Asked
from agent.services import services_of
from runs.approvals import Decision
from runs.errors import RunError
from runs.json_types import Json

#: How many model calls one agent may make in one run, over all attempts.
MAX_TURNS = 200
#: Seconds before an agent whose model or journal did not answer is taken up again. Each wait is
#: durable: the run may give up its machine meanwhile.
RETRY_SECONDS = (30, 60, 120, 240)
#: Names become part of tool call ids, of which providers take 40 characters of this alphabet.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")

OutputT = TypeVar("OutputT", bound=BaseModel)

#: Decides on an agent that gave no answer, from the error and how often it was tried.
Retry = Callable[[Exception, int], RetryDecision]


def retry_if_it_helps(error: Exception, tries: int) -> RetryDecision:
    """Decide on a failed turn: again only if the error says that may help, after a while."""
    may_help = isinstance(error, RunError) and error.retryable
    if not may_help or tries > len(RETRY_SECONDS):
        return RetryDecision.no_retry()
    return RetryDecision.retry(Duration.from_seconds(RETRY_SECONDS[tries - 1]))


@overload
def run_agent(
    context: DurableContext,
    *,
    name: str,
    build: Build,
    prompt: str,
    playbook: Playbook | None = None,
    output: None = None,
    max_turns: int = MAX_TURNS,
    retry: Retry = retry_if_it_helps,
    approve: Mapping[str, Policy] | None = None,
) -> str: ...


@overload
def run_agent(
    context: DurableContext,
    *,
    name: str,
    build: Build,
    prompt: str,
    playbook: Playbook | None = None,
    output: type[OutputT],
    max_turns: int = MAX_TURNS,
    retry: Retry = retry_if_it_helps,
    approve: Mapping[str, Policy] | None = None,
) -> OutputT: ...


def run_agent(  # noqa: PLR0913 - what an agent is, by keyword
    context: DurableContext,
    *,
    name: str,
    build: Build,
    prompt: str,
    playbook: Playbook | None = None,
    output: type[BaseModel] | None = None,
    max_turns: int = MAX_TURNS,
    retry: Retry = retry_if_it_helps,
    approve: Mapping[str, Policy] | None = None,
) -> str | BaseModel:
    """Run an agent once in the run, however many attempts that takes, and give its answer.

    Every message is saved as it comes. A worker that dies loses no finished model call and no
    finished tool; a tool it died in goes by what it declared with `agent.effects.effect`.

    Args:
        context: The workflow's durable context.
        name: The agent's name, unique within the run; 1 to 32 letters, digits, `-` and `_`.
        build: Makes the agent, e.g. `lambda **parts: Agent(tools=[...], **parts)`: it must pass
            all its arguments on. Called once in each attempt that needs the agent.
        prompt: What the agent is asked, the same in every attempt.
        playbook: The agent's answers when the model is `offline`.
        output: The form of the answer; text if left out.
        max_turns: How many model calls the agent may make, over all attempts.
        retry: Whether and when to take the agent up again when it gave no answer. What it did
            before is not done again.
        approve: What to ask a person about calls of some tools, by the tools' names; the tool is
            entered when the call is approved. See `agent.gate`.

    Returns:
        The answer's text, or an instance of `output`.

    Raises:
        StepError: There is no answer; of the type and message of the `AgentError` that says why.
        AttemptStoppedError: The attempt was told to stop. Don't catch it.
    """
    if not NAME.fullmatch(name):
        msg = f"agent name is {name!r}, expected 1 to 32 letters, digits, '-' and '_'"
        raise ValueError(msg)
    services = services_of(context)
    task = Task(
        name=name,
        build=build,
        prompt=prompt,
        output=output,
        max_turns=max_turns,
        approve=approve or {},
    )
    answers: list[Answered] = []

    def take_up(_: StepContext) -> Json:
        # Built here: providers keep connections that belong to one event loop.
        loaded = load_model(services.model, agent=name, playbook=playbook)
        turn = converse(services.attempt, loaded, task, answers)
        # Answers are texts and objects: a list is none.
        return [each.to_json() for each in turn.asked] if isinstance(turn, Paused) else turn.answer

    config = StepConfig(retry_strategy=_within_budget(retry))
    names = _step_names(name)
    while isinstance(left := context.step(take_up, name=next(names), config=config), list):
        asked = [Asked.from_json(cast("Mapping[str, Any]", each)) for each in left]
        answers += map(Answered, asked, _ask(context, asked, agent=name))
    return cast("str", left) if output is None else output(**cast("dict[str, Json]", left))


def _step_names(agent: str) -> Iterator[str]:
    """Name the turns of an agent: one that asks nothing has a single step, of its own name."""
    yield agent
    yield from (f"{agent}-{turn}" for turn in itertools.count(2))


def _within_budget(retry: Retry) -> Retry:
    """Decide as given, but when the budget is used up: trying again would find it so again."""

    def decide(error: Exception, tries: int) -> RetryDecision:
        is_over = isinstance(error, BudgetExceededError)
        return RetryDecision.no_retry() if is_over else retry(error, tries)

    return decide


def _ask(context: DurableContext, asked: Sequence[Asked], *, agent: str) -> Sequence[Decision]:
    """Ask everything at once, and wait until all of it is answered."""
    if len(asked) == 1:
        return [ask_approval(context, asked[0].question, name=f"{agent}-approval")]

    def branch(child: DurableContext, _: object, place: int, __: object) -> str:
        name = f"{agent}-approval-{place + 1}"
        return ask_approval(child, asked[place].question, name=name).to_payload()

    names = [each.name for each in asked]
    batch: BatchResult[str] = context.map(names, branch, name=f"{agent}-approvals")
    return [Decision.from_payload(payload) for payload in batch.get_results()]
