"""Asking a person inside a workflow: the run waits, parked, until somebody decides."""

from contextlib import suppress

from aws_durable_execution_sdk_python import DurableContext
from aws_durable_execution_sdk_python.config import Duration, WaitForCallbackConfig
from aws_durable_execution_sdk_python.exceptions import CallbackError, CallbackTimeoutError
from aws_durable_execution_sdk_python.types import WaitForCallbackContext

from agent.errors import NoAttemptError
from agent.services import attempt_of
from runs.approvals import Decision, Question, denied


def ask_approval(context: DurableContext, question: Question, *, name: str) -> Decision:
    """Ask a person, and give their decision; a parked run has no machine and costs nothing.

    No answer in time is a no, and so is one that can't be read or is to another question: whatever
    is not an approval denies, and its comment says why. Killed at any point, the question is asked
    once and decided once.

    Args:
        context: The workflow's; in a branch of a map or a parallel, the branch's.
        question: Made again in every attempt, so it must come of steps and of the input alone.
        name: The operation's name, stable across attempts.

    Returns:
        The decision, with the content as the decider edited it, if they did.
    """

    def submit(callback_id: str, _: WaitForCallbackContext) -> None:
        # The success of this step is what opens the approval, in the same write.
        with suppress(NoAttemptError):
            attempt_of(context).questions[callback_id] = question

    config = WaitForCallbackConfig(timeout=_timeout(question))
    try:
        payload = context.wait_for_callback(submit, name=name, config=config)
    except CallbackTimeoutError:
        return denied(f"nobody answered within {question.expires_in}", is_expired=True)
    except CallbackError as error:
        return denied(str(error))
    return Decision.from_payload(payload).about(question)


def _timeout(question: Question) -> Duration:
    # 0 is none.
    seconds = 0 if question.expires_in is None else int(question.expires_in.total_seconds())
    return Duration.from_seconds(seconds)
