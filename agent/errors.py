"""Errors of executing runs.

RunError (runs.errors)
├── ConfigError                an environment variable is wrong; `variable` names it
├── WorkflowImportError        a registry line names something that can't be used
├── RecordingError             a file of recorded answers can't be used; `path` names it
├── NoAttemptError             a durable context that no runner of ours made
├── RehearsalError             code between steps would write to the journal while it is rehearsed
├── NotDurableError            the function was invoked as an ordinary one
├── OtherExecutionError        the run of that session is another durable execution's
├── BudgetExceededError        the run has used what its budget allows; `standing` says of what
└── AgentError                 an agent of a workflow can't give its answer; `agent` names it
    ├── AgentBuildError        its `build` function does not make the agent we need
    ├── MissingPlaybookError   it has no playbook, and there is no model
    ├── UnknownPriceError      its model has no price, and the run a limit in dollars
    ├── TurnLimitError         it made all the model calls it may
    ├── ContextOverflowError   its conversation no longer fits the model
    ├── CutOffError            its answer was longer than the model may write
    ├── RefusedError           the model, or a guardrail, refused to answer
    ├── AnswerFormatError      it did not give the structured answer it owes
    ├── UnexpectedStopError    it stopped without an answer for another reason
    ├── InvalidMessageError    a message would make its conversation invalid
    ├── UnrecordedError        the model is a recording, which has no answer to what it asked
    └── ModelUnavailableError  its model did not answer, after several tries; later may help

SuspendExecution (the durable SDK's; a BaseException)
├── AttemptStoppedError        the attempt must end now; nothing failed
├── ReplayDiffersError         the code does not ask for what is recorded; the run ends FAILED
└── RehearsalEndsError         a rehearsal has come to what would be begun
"""

from collections.abc import Sequence
from pathlib import Path

from aws_durable_execution_sdk_python.exceptions import SuspendExecution

from runs.budget import Standing
from runs.errors import RunError


class ConfigError(RunError):
    """The process was started with a setting that can't be used."""

    def __init__(self, variable: str, message: str) -> None:
        super().__init__(f"{variable} {message}")
        self.variable = variable


class WorkflowImportError(RunError):
    """A line of the workflow registry can't be used."""

    def __init__(self, name: str, target: str, why: str) -> None:
        super().__init__(f"workflow {name!r} is {target!r} in the registry, {why}")
        self.name = name
        self.target = target


class RecordingError(RunError):
    """A file of recorded answers can't be read, or a run can't be recorded."""

    def __init__(self, path: Path | str, message: str) -> None:
        super().__init__(f"recording {str(path)!r} {message}")
        self.path = path


class NoAttemptError(RunError):
    """A workflow asked for its attempt outside a runner of ours."""

    def __init__(self) -> None:
        super().__init__(
            "this durable context carries no attempt: the workflow does not run in Errand; as a "
            "Lambda durable function its handler is agent.lambda_home.handler, which names the "
            "workflow by the payload's field 'workflow'"
        )


class NotDurableError(RunError):
    """The Lambda function was invoked with something else than a durable execution's state."""

    def __init__(self) -> None:
        super().__init__(
            "the function was not invoked as a durable execution: it must be created with a "
            "DurableConfig, which can't be added to a function that is there"
        )


class OtherExecutionError(RunError):
    """A durable execution was started for a session that has its run already."""

    def __init__(self, session_id: str, *, execution: str | None) -> None:
        super().__init__(
            f"session {session_id!r} had its run before, by {execution or 'workers'}; "
            "expected another session_id, or none"
        )
        self.session_id = session_id


class RehearsalError(RunError):
    """Workflow code wrote to the journal, by another way than its attempt, while rehearsed."""

    def __init__(self, method: str) -> None:
        super().__init__(f"a rehearsal writes nothing, and the code asks the journal to {method}")


class AttemptStoppedError(SuspendExecution):
    """The attempt was told to stop and has come to an edge.

    It passes through workflow code like the durable SDK's own suspension (user code that catches
    `Exception` does not see it), so that no step is recorded as failed by a shutdown or a
    cancellation.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"the attempt stops here: {why}")


class BudgetExceededError(RunError):
    """The run has used what its budget allows; nothing that was paid for is lost."""

    def __init__(self, session_id: str, standing: Standing, *, denial: str | None = None) -> None:
        option = f"--{standing.limit.removesuffix('_usd').replace('_', '-')}"
        super().__init__(
            f"the run has used up its budget: {standing}"
            f"{f', and going on was {denial}' if denial else ''}; "
            f"`errand retry {session_id} {option} N` goes on with a higher limit"
        )
        #: The run that holds the budget: that began the family, if a child came to the limit.
        self.session_id = session_id
        self.standing = standing

    @property
    def limit(self) -> str:
        """Name the limit, as budgets do."""
        return self.standing.limit


class ReplayDiffersError(SuspendExecution):
    """A replay has come to an operation that is recorded otherwise, or has come to before.

    It leaves the workflow's code like a suspension: nothing is recorded of what it passes through,
    and code that catches `Exception` does not see it.
    """

    def __init__(self, place: str) -> None:
        super().__init__(f"the code differs from what is recorded as {place}")


class RehearsalEndsError(SuspendExecution):
    """A rehearsal has come to what would be begun, or waited for."""

    def __init__(self, where: str) -> None:
        super().__init__(f"the rehearsal ends {where}")


class AgentError(RunError):
    """An agent can't give its answer."""

    def __init__(self, agent: str, message: str) -> None:
        super().__init__(f"agent {agent!r} {message}")
        self.agent = agent


class AgentBuildError(AgentError):
    """The agent that `build` made would not survive its worker, or could not be told to stop."""


class MissingPlaybookError(AgentError):
    """The model is `offline`, which answers by the agent's playbook, and there is none."""

    def __init__(self, agent: str, *, variable: str, forms: Sequence[str]) -> None:
        super().__init__(
            agent,
            "has no playbook to answer by offline; "
            f"set {variable} to a model, one of: {', '.join(forms)}",
        )


class UnknownPriceError(AgentError):
    """What a call costs is not known, so a limit in dollars could not be kept."""

    def __init__(self, agent: str, *, model: str, variable: str) -> None:
        super().__init__(
            agent,
            f"has the model {model!r}, whose price is not known in full, and the run has a "
            f"max_cost_usd; give the price in a file that {variable} names, or limit max_tokens",
        )
        self.model = model


class TurnLimitError(AgentError):
    """The agent has made as many model calls as it may in one run."""

    def __init__(self, agent: str, *, max_turns: int) -> None:
        super().__init__(agent, f"has no answer after {max_turns} model calls, its limit")
        self.max_turns = max_turns


class ContextOverflowError(AgentError):
    """The conversation has outgrown the model's context window."""

    def __init__(self, agent: str, *, model: str, why: str) -> None:
        super().__init__(agent, f"has a conversation too long for model {model!r}: {why}")
        self.model = model


class CutOffError(AgentError):
    """The model stopped in the middle of an answer, at its output limit."""

    def __init__(self, agent: str) -> None:
        super().__init__(agent, "was cut off: its answer is longer than the model may write")


class RefusedError(AgentError):
    """The model or a guardrail refused to answer."""

    def __init__(self, agent: str, *, stop_reason: str) -> None:
        super().__init__(agent, f"got no answer from its model, which stopped with {stop_reason!r}")
        self.stop_reason = stop_reason


class AnswerFormatError(AgentError):
    """The agent owes a structured answer and gave something else."""

    def __init__(self, agent: str, *, output: str, why: str) -> None:
        super().__init__(agent, f"did not answer in the form of {output!r}: {why}")
        self.output = output


class UnexpectedStopError(AgentError):
    """The agent stopped without an answer, for a reason nothing here handles."""

    def __init__(self, agent: str, *, stop_reason: str) -> None:
        super().__init__(agent, f"stopped without an answer: {stop_reason!r}")
        self.stop_reason = stop_reason


class InvalidMessageError(AgentError):
    """A message is not saved, because models refuse a conversation that holds it."""


class ModelUnavailableError(AgentError):
    """The model did not answer, after several tries."""

    retryable = True

    def __init__(self, agent: str, *, model: str, why: str) -> None:
        super().__init__(agent, f"got no answer from model {model!r}: {why}")
        self.model = model


class UnrecordedError(AgentError):
    """The model is a recording, and the agent asked it something the recorded run did not ask."""

    def __init__(self, agent: str, *, path: Path, known: int, new: str) -> None:
        super().__init__(
            agent,
            f"asked what is not in the recording {str(path)!r}: it has the first {known} messages "
            f"of the conversation, and not the one after them: {new}; record a run that goes so",
        )
        self.path = path
