"""The timeline of a run: immutable facts, each written in the transaction of what it tells.

The first group is that of the Lambda durable execution history (`GetDurableExecutionHistory`);
the second is our own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from runs.instants import to_iso
from runs.json_types import Json


class EventType(StrEnum):
    """What happened."""

    EXECUTION_STARTED = "ExecutionStarted"
    EXECUTION_SUCCEEDED = "ExecutionSucceeded"
    EXECUTION_FAILED = "ExecutionFailed"
    EXECUTION_TIMED_OUT = "ExecutionTimedOut"
    EXECUTION_STOPPED = "ExecutionStopped"
    CONTEXT_STARTED = "ContextStarted"
    CONTEXT_SUCCEEDED = "ContextSucceeded"
    CONTEXT_FAILED = "ContextFailed"
    STEP_STARTED = "StepStarted"
    STEP_SUCCEEDED = "StepSucceeded"
    STEP_FAILED = "StepFailed"
    WAIT_STARTED = "WaitStarted"
    WAIT_SUCCEEDED = "WaitSucceeded"
    WAIT_CANCELLED = "WaitCancelled"
    CALLBACK_STARTED = "CallbackStarted"
    CALLBACK_SUCCEEDED = "CallbackSucceeded"
    CALLBACK_FAILED = "CallbackFailed"
    CALLBACK_TIMED_OUT = "CallbackTimedOut"
    CHAINED_INVOKE_STARTED = "ChainedInvokeStarted"
    CHAINED_INVOKE_SUCCEEDED = "ChainedInvokeSucceeded"
    CHAINED_INVOKE_FAILED = "ChainedInvokeFailed"
    CHAINED_INVOKE_TIMED_OUT = "ChainedInvokeTimedOut"
    CHAINED_INVOKE_STOPPED = "ChainedInvokeStopped"
    #: The workflow's function returned, raised or suspended.
    INVOCATION_COMPLETED = "InvocationCompleted"

    #: The invoker hands the run to the agent.
    DISPATCHED = "Dispatched"
    #: A worker took the lease and began an attempt.
    LEASE_CLAIMED = "LeaseClaimed"
    #: An attempt goes on with what another version of the workflow's code has recorded.
    WORKFLOW_CHANGED = "WorkflowChanged"
    #: A worker handed the run back at shutdown.
    LEASE_RELEASED = "LeaseReleased"
    #: The run gave up its machine to wait.
    RUN_PARKED = "RunParked"
    #: Somebody asked for the run to end.
    CANCEL_REQUESTED = "CancelRequested"
    #: Somebody asked for the run to give up its machine, until it is resumed.
    PAUSE_REQUESTED = "PauseRequested"
    #: Somebody let a paused run go on.
    RUN_RESUMED = "RunResumed"
    #: Somebody told the run something that is for an agent.
    MESSAGE_TOLD = "MessageTold"
    #: An agent was given what the run was told; written with the message that has it.
    MESSAGE_DELIVERED = "MessageDelivered"
    #: A run that had ended was taken up again.
    RUN_RETRIED = "RunRetried"
    #: The watchdog saw no progress and let the run go.
    RUN_STALLED = "RunStalled"
    #: The runtime session was stopped: from here on it is not billed.
    SESSION_STOPPED = "SessionStopped"
    #: A sweep found that the run differs from what is to be, and mended it.
    RUN_REPAIRED = "RunRepaired"
    #: Limits of the run's budget were set or raised after it was accepted.
    BUDGET_SET = "BudgetSet"
    #: A model call returned and was paid for; written with the message it gave.
    MODEL_CALLED = "ModelCalled"
    #: A model call ended with an error.
    MODEL_FAILED = "ModelFailed"
    #: A tool was entered; written with its STARTED ledger entry.
    TOOL_CALLED = "ToolCalled"
    #: A tool returned; written with its DONE ledger entry.
    TOOL_RETURNED = "ToolReturned"
    #: A long step said how far it is.
    PROGRESS_REPORTED = "ProgressReported"
    #: A file was put in the artifact store.
    ARTIFACT_SAVED = "ArtifactSaved"
    #: A person is asked to decide.
    APPROVAL_REQUESTED = "ApprovalRequested"
    #: Those who may decide were told: that they are asked, or that nobody decided.
    APPROVAL_ANNOUNCED = "ApprovalAnnounced"
    #: Somebody looked at what they are asked.
    APPROVAL_VIEWED = "ApprovalViewed"
    #: Somebody decided; others may still have to.
    APPROVAL_DECIDED = "ApprovalDecided"
    #: Those who may decide were reminded.
    APPROVAL_REMINDED = "ApprovalReminded"
    #: Nobody decided in time.
    APPROVAL_EXPIRED = "ApprovalExpired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact in a run's timeline."""

    type: EventType
    at: datetime
    #: The operation it is about, if any.
    operation_id: str | None = None
    parent_id: str | None = None
    name: str | None = None
    sub_type: str | None = None
    #: The attempt that wrote it; 0 for facts from outside an attempt.
    attempt: int = 0
    details: Mapping[str, Json] = field(default_factory=dict)

    @property
    def is_tried_again(self) -> bool:
        """Say whether it is the end of one try of a step, and another follows.

        Such a try failed; or it looked at a condition that is not met yet, and succeeded.
        """
        retry = self.details.get("RetryDetails")
        return isinstance(retry, Mapping) and "NextAttemptDelaySeconds" in retry

    def to_json(self, event_id: int) -> dict[str, Json]:
        """Give the event in the shape of `GetDurableExecutionHistory`; `event_id` counts from 1."""
        shape: dict[str, Json] = {
            "EventType": self.type.value,
            "EventId": event_id,
            "EventTimestamp": to_iso(self.at),
            "Id": self.operation_id,
            "ParentId": self.parent_id,
            "Name": self.name,
            "SubType": self.sub_type,
            "Attempt": self.attempt or None,
            f"{self.type.value}Details": dict(self.details),
        }
        return {key: value for key, value in shape.items() if value is not None}
