"""Approvals beside callbacks: whoever is to answer one finds what is asked, by whom and until when.

A callback of `wait_for_callback` is asked about when its submitter has succeeded, in the write that
says so: before that nobody was told, and a decision would be on words that nobody saw. Any other
callback is asked about from its start.
"""

from collections.abc import Iterable
from dataclasses import replace

from agent.attempt import Attempt
from agent.durable.recorded import Moment, Recorded
from runs.asked import asked
from runs.deciding import followed
from runs.errors import ApprovalNotFoundError
from runs.lifecycle import Change
from runs.operations import Operation, OperationStatus, OperationType

#: The SDK's sub-type of the context around a callback and its submitter.
_WAIT_FOR_CALLBACK = "WaitForCallback"


def with_approval(
    change: Recorded, operations: dict[str, Operation], moment: Moment, *, attempt: Attempt
) -> Recorded:
    """Give a change with the approval it opens, if it opens one.

    Args:
        change: An operation that was begun or ended now.
        operations: The run's, by id, in the order of their start.
        moment: When.
        attempt: Knows the questions that its workflow has for callbacks.
    """
    callback = _opened(change, operations)
    if callback is None or callback.status is not OperationStatus.STARTED:
        return change
    question = attempt.questions.pop(callback.callback_id or "", None)
    approval, event = asked(callback, question, session_id=moment.session_id, now=moment.now)
    event = replace(event, attempt=moment.attempt)
    return replace(change, events=(*change.events, event), approvals=(approval,))


def with_answer(change: Recorded, *, attempt: Attempt) -> Recorded:
    """Give a callback's answer with the approval that it closes, if that is still open.

    Who answered has closed it, unless the answer came in the very moment it was opened.
    """
    callback = change.operation
    try:
        found = attempt.patiently(lambda: attempt.journal.approval(callback.callback_id or ""))
    except ApprovalNotFoundError:
        return change
    told = Change(run=found.run, operations=(callback,))
    closing = followed(told, found.approval)
    return replace(change, events=closing.events, approvals=closing.approvals)


def asked_for(attempt: Attempt, operations: Iterable[Operation]) -> str | None:
    """Say what people are asked by the callbacks that are open; None if there is none."""
    pending = {
        operation.operation_id
        for operation in operations
        if operation.type is OperationType.CALLBACK and operation.status is OperationStatus.STARTED
    }
    if not pending:
        return None
    approvals = attempt.patiently(lambda: attempt.journal.approvals(attempt.session_id))
    asking = [approval for approval in approvals if approval.operation_id in pending]
    words = [
        f"answer to {approval.name}" if approval.is_bare else f"approval: {approval.question.what}"
        for approval in asking
    ]
    return "; ".join(words) or None


def _opened(change: Recorded, operations: dict[str, Operation]) -> Operation | None:
    """Give the callback that is asked about from this change on."""
    operation = change.operation
    parent = operations.get(operation.parent_id or "")
    is_waited_for = parent is not None and parent.sub_type == _WAIT_FOR_CALLBACK
    match operation.type, operation.status:
        case OperationType.CALLBACK, OperationStatus.STARTED if change.events:
            return None if is_waited_for else operation
        case OperationType.STEP, OperationStatus.SUCCEEDED if is_waited_for:
            return _callback_in(operation.parent_id, operations)
        case _:
            return None


def _callback_in(parent_id: str | None, operations: dict[str, Operation]) -> Operation | None:
    # From the end: it was begun just before its submitter.
    for operation in reversed(operations.values()):
        if operation.parent_id == parent_id and operation.type is OperationType.CALLBACK:
            return operation
    return None
