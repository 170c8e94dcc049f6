"""The metrics: their names, units and meanings, in CloudWatch's namespace `Errand`.

All have one dimension, the deployment's stage: a metric is billed per combination of dimensions,
and runs are many. Which run, which workflow and which attempt a value came from stand beside it
as properties, to be searched for with Logs Insights. Infrastructure charts them by these names: it
imports no other code.
"""

from enum import StrEnum

NAMESPACE = "Errand"
#: The one dimension: the stage that a deployment was made with.
STAGE = "Stage"


class Unit(StrEnum):
    """CloudWatch's words for the units that are used here."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"
    SECONDS = "Seconds"
    #: CloudWatch has no unit for money.
    NONE = "None"


class Metric(StrEnum):
    """What is measured. The member's value is the metric's name."""

    unit: Unit
    meaning: str

    def __new__(cls, name: str, unit: Unit, meaning: str) -> "Metric":
        """Make a metric of its name, unit and meaning."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.unit = unit
        member.meaning = meaning
        return member

    RUNS_ACCEPTED = "RunsAccepted", Unit.COUNT, "Runs recorded for the first time"
    RUNS_DUPLICATED = "RunsDuplicated", Unit.COUNT, "Requests for a run that was there already"
    RUNS_REJECTED = "RunsRejected", Unit.COUNT, "Requests that no run can be made of"
    RUNS_COMPLETED = "RunsCompleted", Unit.COUNT, "Runs that ended with a result"
    RUNS_FAILED = "RunsFailed", Unit.COUNT, "Runs that ended with an error"
    RUNS_CANCELLED = "RunsCancelled", Unit.COUNT, "Runs that somebody ended"
    RUNS_TIMED_OUT = "RunsTimedOut", Unit.COUNT, "Runs whose deadline passed"
    RUNS_RETRIED = "RunsRetried", Unit.COUNT, "Runs taken up again after they had ended"
    RUNS_PARKED = "RunsParked", Unit.COUNT, "Times that a run gave up its machine to wait"
    RUNS_STALLED = "RunsStalled", Unit.COUNT, "Attempts let go as nothing happened for too long"
    RUN_DURATION = (
        "RunDuration",
        Unit.SECONDS,
        "Of a run that ended: the time since it was asked for, or last retried",
    )
    RUN_WORK = "RunWork", Unit.SECONDS, "Of a run that ended: the time that workers worked on it"
    RUN_ATTEMPTS = "RunAttempts", Unit.COUNT, "Of a run that ended: its attempts"
    RUN_COST = (
        "RunCost",
        Unit.NONE,
        "Of a run that ended: US dollars for its model calls, those of runs it invoked left out",
    )

    CLAIM_WAIT = (
        "ClaimWait",
        Unit.MILLISECONDS,
        "From a run's acceptance until a worker first claimed it",
    )
    ATTEMPTS_STARTED = "AttemptsStarted", Unit.COUNT, "Claims of a run by a worker"
    ATTEMPTS_LOST = (
        "AttemptsLost",
        Unit.COUNT,
        "Claims after a worker that was not heard of for a lease's time",
    )
    LEASES_LOST = "LeasesLost", Unit.COUNT, "Workers that found their run to be another's"
    STEP_RETRIES = "StepRetries", Unit.COUNT, "Tries of a step that failed and are followed by more"

    MODEL_CALLS = "ModelCalls", Unit.COUNT, "Model calls that returned"
    MODEL_FAILURES = "ModelFailures", Unit.COUNT, "Model calls that ended with an error"
    MODEL_LATENCY = "ModelLatency", Unit.MILLISECONDS, "How long a model call took"
    INPUT_TOKENS = "InputTokens", Unit.COUNT, "Tokens sent, those read from a cache left out"
    OUTPUT_TOKENS = "OutputTokens", Unit.COUNT, "Tokens that models wrote"
    CACHE_READ_TOKENS = "CacheReadTokens", Unit.COUNT, "Tokens read from a provider's cache"
    CACHE_WRITE_TOKENS = "CacheWriteTokens", Unit.COUNT, "Tokens put in a provider's cache"
    COST = "Cost", Unit.NONE, "US dollars for a model call, by the price table"
    UNPRICED_CALLS = "UnpricedCalls", Unit.COUNT, "Model calls whose price nobody knows"
    TOOL_CALLS = "ToolCalls", Unit.COUNT, "Tool calls that returned"
    TOOL_FAILURES = "ToolFailures", Unit.COUNT, "Tool calls that returned an error, or are in doubt"
    TOOL_DURATION = "ToolDuration", Unit.MILLISECONDS, "How long a tool call took"

    SAVED_COST = (
        "SavedCost",
        Unit.NONE,
        "Of a run that ended: US dollars of model calls that later attempts did not repeat",
    )
    SAVED_TOKENS = "SavedTokens", Unit.COUNT, "The same in tokens"
    SAVED_STEPS = "SavedSteps", Unit.COUNT, "Of a run that ended: steps that were not repeated"

    APPROVALS_REQUESTED = "ApprovalsRequested", Unit.COUNT, "Questions put to people"
    APPROVALS_DECIDED = "ApprovalsDecided", Unit.COUNT, "Questions that people decided"
    APPROVALS_EXPIRED = "ApprovalsExpired", Unit.COUNT, "Questions that nobody decided in time"
    APPROVAL_WAIT = "ApprovalWait", Unit.SECONDS, "From a question to its decision"

    DISPATCHES_TAKEN = "DispatchesTaken", Unit.COUNT, "Hand-overs of a run that the agent took"
    DISPATCHES_FAILED = (
        "DispatchesFailed",
        Unit.COUNT,
        "Hand-overs that were not answered, or with nothing of use; they are made again",
    )
    DISPATCHES_REFUSED = (
        "DispatchesRefused",
        Unit.COUNT,
        "Hand-overs that AgentCore refused for good; the run fails",
    )
    DISPATCH_LATENCY = "DispatchLatency", Unit.MILLISECONDS, "How long a hand-over took"
    STOPS_FAILED = "StopsFailed", Unit.COUNT, "Sessions that could not be stopped; tried again"

    MESSAGES_TAKEN = "MessagesTaken", Unit.COUNT, "Messages of the task queue that were done"
    MESSAGES_DELAYED = "MessagesDelayed", Unit.COUNT, "Messages that come again a little later"
    MESSAGES_REJECTED = "MessagesRejected", Unit.COUNT, "Messages that became dead letters"

    WEBHOOKS_DELIVERED = "WebhooksDelivered", Unit.COUNT, "Events that a receiver took"
    WEBHOOKS_REFUSED = "WebhooksRefused", Unit.COUNT, "Posts that a receiver did not take"
    WEBHOOKS_DROPPED = (
        "WebhooksDropped",
        Unit.COUNT,
        "Events whose receiver is gone, or was removed",
    )

    RUNS_QUEUED = "RunsQueued", Unit.COUNT, "Runs that no worker has, as the sweep found them"
    RUNS_BUSY = "RunsBusy", Unit.COUNT, "Runs that a worker has, as the sweep found them"
    RUNS_WAITING = "RunsWaiting", Unit.COUNT, "Parked runs, as the sweep found them"
    RUNS_STUCK = "RunsStuck", Unit.COUNT, "Runs that the sweep had to repair, or could not"
    OLDEST_WAITING = "OldestWaiting", Unit.SECONDS, "Age of the longest wait of a parked run"
    APPROVALS_WAITING = "ApprovalsWaiting", Unit.COUNT, "Questions that wait for a decision"

    JOURNAL_FAILURES = (
        "JournalFailures",
        Unit.COUNT,
        "Writes that the journal did not answer, after all tries of the client",
    )
