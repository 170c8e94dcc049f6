"""What becomes of a message of the task queue: done, tried again later, or a dead letter.

Each message may come any number of times, in any order, and its handler may die at any point: a
run is started under a name that its message makes, and an answer is taken by the journal, once.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn, Protocol

from invoker.messages import ExistingTask, NewTask, ToolAnswer, read_message
from runs.answering import Answers
from runs.approvals import MAX_COMMENT, Decision, Question, Verdict
from runs.asked import Approval, ApprovalState, Person
from runs.deciding import Ballot
from runs.errors import (
    AlreadyVotedError,
    ApprovalChangedError,
    ApprovalClosedError,
    InvalidRequestError,
    RunError,
)
from runs.json_types import Json
from runs.run import Run
from runs.telemetry.scope import current_scope, within

logger = logging.getLogger(__name__)

#: Who answers by a message that does not say who.
ANONYMOUS = "queue"


class Starter(Protocol):
    """Starts the state machine of a run; see `runs.stepfunctions.StepFunctionsStarter`."""

    def start(self, session_id: str, given: Json) -> None:
        """Start it, once, however often it is asked for."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One delivery of a message."""

    message_id: str
    body: str
    sent_at: datetime


class Later(Exception):  # noqa: N818 - no error: an outcome
    """Nothing is wrong, but it can't be done yet; the message is to come again."""


class Dead(Exception):  # noqa: N818 - no error: an outcome
    """It can never be done, and a person should see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """Does what messages ask for."""

    answers: Answers
    starter: Starter
    workflows: Collection[str]
    #: How long an answer is kept that comes before its question.
    patience: timedelta
    clock: Callable[[], datetime]

    def do(self, message: Message) -> None:
        """Do what a message asks for; doing it again changes nothing.

        Raises:
            Later: Not yet.
            Dead: Never, and why.
        """
        try:
            task = read_message(
                message.body, message_id=message.message_id, workflows=self.workflows
            )
        except InvalidRequestError as error:
            raise Dead(str(error)) from error
        with within(replace(current_scope(), session_id=task.session_id)):
            try:
                self._do(task, message)
            except RunError as error:
                self._refuse(error, message)

    def _do(self, task: NewTask | ExistingTask, message: Message) -> None:
        if isinstance(task, NewTask):
            given: Json = {
                "session_id": task.session_id,
                "detail": task.detail,
                "source": "queue",
            }
            self.starter.start(task.session_id, given)
            logger.info("run asked for", extra={"session_id": task.session_id})
            return
        for answer in task.answers:
            self._answer(task, answer, message)

    def _refuse(self, error: RunError, message: Message) -> NoReturn:
        """Tell what may pass from what will not."""
        if error.retryable:
            self._wait(str(error), message)
        raise Dead(str(error)) from error

    def _answer(self, task: ExistingTask, answer: ToolAnswer, message: Message) -> None:
        run = self.answers.journal.get(task.session_id)
        if run is None:
            self._wait(f"run {task.session_id!r} is not in the journal", message)
        approval = self._asked(task, answer)
        if approval is None:
            self._wait_for_question(run, task, answer, message)
        if approval.question.tool != task.tool:
            msg = (
                f"toolName is {task.tool!r}, but call {answer.tool_use_id!r} is of "
                f"{approval.question.tool!r}"
            )
            raise Dead(msg)
        ballot = ballot_of(answer, approval, message_id=message.message_id)
        try:
            self.answers.decide(approval.callback_id, ballot)
        except (AlreadyVotedError, ApprovalClosedError) as error:
            self._check_same(approval, ballot, error)
        except ApprovalChangedError as error:
            # Somebody edited it between our look and our answer: what it says now is asked next.
            raise Later(str(error)) from error
        logger.info(
            "call answered",
            extra={"session_id": task.session_id, "tool_use_id": answer.tool_use_id},
        )

    def _asked(self, task: ExistingTask, answer: ToolAnswer) -> Approval | None:
        """Find the question of a call: one that is open, else the one asked last."""
        found = [
            each
            for each in self.answers.journal.approvals(task.session_id)
            if each.question.tool_use_id == answer.tool_use_id
        ]
        still_open = [each for each in found if each.state is ApprovalState.OPEN]
        return next(iter(still_open or found[::-1]), None)

    def _wait_for_question(
        self, run: Run, task: ExistingTask, answer: ToolAnswer, message: Message
    ) -> NoReturn:
        why = f"{task.tool} asks nothing under {answer.tool_use_id!r} in run {run.session_id!r}"
        if run.status.is_terminal:
            msg = f"{why}, which is {run.status}"
            raise Dead(msg)
        self._wait(why, message)

    def _check_same(self, before: Approval, ballot: Ballot, error: RunError) -> None:
        """Let an answer pass that was given before; report one that says something else."""
        latest = self.answers.journal.approval(before.callback_id).approval
        shown = latest.question.content
        for vote in latest.votes:
            words = latest.content if vote.verdict is Verdict.APPROVED else None
            is_same = (vote.verdict, vote.comment) == (ballot.verdict, ballot.comment)
            if is_same and (words or shown) == (ballot.content or words or shown):
                logger.info("answered before", extra={"session_id": latest.session_id})
                return
        msg = f"this answer, {ballot.verdict}, came too late: {error}"
        raise Dead(msg) from error

    def _wait(self, why: str, message: Message) -> NoReturn:
        waited = self.clock() - message.sent_at
        if waited > self.patience:
            msg = f"{why}; waited for {int(self.patience.total_seconds())} s"
            raise Dead(msg)
        raise Later(why)


def ballot_of(answer: ToolAnswer, approval: Approval, *, message_id: str) -> Ballot:
    """Read a tool's result as what somebody decides.

    Success approves and an error denies, with the text as comment; a text that is the JSON of a
    decision says more: who, and other words. Where the tool waits for a result, the text is it.
    """
    told = Decision.read(answer.text) or _plain(answer, approval.question)
    verdict = told.verdict if answer.is_success else Verdict.DENIED
    is_edited = verdict is Verdict.APPROVED and told.content not in (None, approval.shown)
    return Ballot(
        verdict=verdict,
        person=Person(name=told.by or ANONYMOUS, origin=f"message {message_id}"),
        hash=approval.hash,
        comment=told.comment,
        content=told.content if is_edited else None,
    )


def _plain(answer: ToolAnswer, question: Question) -> Decision:
    if not answer.is_success:
        return Decision(verdict=Verdict.DENIED, comment=answer.text[:MAX_COMMENT])
    if question.takes_result:
        return Decision(verdict=Verdict.APPROVED, content=answer.text)
    return Decision(verdict=Verdict.APPROVED, comment=answer.text[:MAX_COMMENT])
