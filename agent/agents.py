"""Agents inside workflows: steps of a conversation that survives the death of its worker."""

from collections.abc import Mapping
from typing import TypeVar, cast, overload

from aws_durable_execution_sdk_python import DurableContext
from aws_durable_execution_sdk_python.config import Duration
from aws_durable_execution_sdk_python.retries import RetryDecision
from pydantic import BaseModel

from agent.gate import Policy
from agent.models.loaded import LoadedModel
from agent.models.offline import Playbook
from agent.models.select import load_model
from agent.overrun import OverBudget
from agent.place import Build, Task
from agent.services import services_of
from agent.turns import Retry, Turns
from runs.errors import RunError
from runs.json_types import Json
from runs.told import AGENT_NAME

#: How many model calls one agent may make in one run, over all attempts.
MAX_TURNS = 200
#: Seconds before an agent whose model or journal did not answer is taken up again. Each wait is
#: durable: the run may give up its machine meanwhile.
RETRY_SECONDS = (30, 60, 120, 240)

OutputT = TypeVar("OutputT", bound=BaseModel)


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
    over_budget: OverBudget | None = None,
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
    over_budget: OverBudget | None = None,
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
    over_budget: OverBudget | None = None,
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
        over_budget: What to ask a person when the run's budget is used up; the run ends if this is
            left out, or gives None. See `agent.overrun`.

    Returns:
        The answer's text, or an instance of `output`.

    Raises:
        StepError: There is no answer; of the type and message of the `AgentError` that says why.
        AttemptStoppedError: The attempt was told to stop. Don't catch it.
    """
    if not AGENT_NAME.fullmatch(name):
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

    def load() -> LoadedModel:
        return load_model(services.model, agent=name, playbook=playbook)

    turns = Turns(context=context, task=task, load=load, retry=retry, over_budget=over_budget)
    answer = turns.answer()
    return cast("str", answer) if output is None else output(**cast("dict[str, Json]", answer))
