"""The approvals over HTTP: a link opens a page, or JSON alike, and takes a decision.

GET shows and POST decides. A link that opens nothing gets one answer, after the same reads and at
the same time, whatever the cause: whoever tries links learns nothing.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

from invoker import problems
from invoker.approval_page import View, approval_page, decided_page
from invoker.decisions import MAX_BODY, Button, MalformedError, Wish, problems_of, read_wish
from invoker.forms import Form, Forms
from invoker.openapi import DOCUMENT
from invoker.page import problem_page
from invoker.problems import Problem
from invoker.web import FORM_TYPE, JSON_TYPE, PROBLEM_TYPE, Request, Response, fits
from runs.answering import Answers
from runs.approval_json import approval_to_json, vote_to_json
from runs.asked import Approval, ApprovalState, Person
from runs.callbacks import callback_id_of
from runs.differences import asked_before
from runs.errors import (
    AlreadyVotedError,
    AnswerNotToldError,
    ApprovalChangedError,
    ApprovalClosedError,
    ApprovalNotFoundError,
    BallotUsedError,
    CallbackNotFoundError,
    JournalUnavailableError,
    LinkKeysError,
    NotADeciderError,
    RunError,
)
from runs.journal.base import Asked
from runs.json_types import Json
from runs.links import PATH, Link, Links, person_of
from runs.telemetry.scope import current_scope, learn, within

logger = logging.getLogger(__name__)

#: When a link that opens nothing is answered, from the arrival of the request: later than the
#: slowest of the causes is known.
REFUSAL_SECONDS = 0.25
OPENAPI_PATH = "/openapi.json"

#: Looked up in place of what a token that is none would name.
_DECOY = callback_id_of("00000000-0000-4000-8000-000000000000", "none")
_SOMEBODY = "somebody with a link"
_LONGEST_AGENT = 60
_ON_LINKS = ("GET", "HEAD", "POST")
_ON_DOCUMENTS = ("GET", "HEAD")


class _UnusableError(Exception):
    """A link opens nothing; no cause is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalApi:
    """Answers requests of one stack's deciders."""

    answers: Answers
    links: Links
    forms: Forms
    #: Seconds that only grow.
    ticks: Callable[[], float]
    #: Waits so many seconds.
    pause: Callable[[float], None]

    def answer(self, request: Request) -> Response:
        """Answer a request; what goes wrong is an answer, too."""
        began = self.ticks()
        try:
            with within(current_scope()):
                return self._answer(request)
        except _UnusableError:
            self.pause(max(0.0, began + REFUSAL_SECONDS - self.ticks()))
            return _told(problems.UNUSABLE, request)
        except (JournalUnavailableError, LinkKeysError) as error:
            logger.warning("approval not served", extra={"error": str(error)})
            return _told(problems.NOT_NOW, request)
        except RunError:
            logger.exception("approval can't be read")
            return _told(problems.BROKEN, request)

    def _answer(self, request: Request) -> Response:
        if request.path == OPENAPI_PATH:
            if request.method in _ON_DOCUMENTS:
                return _json(DOCUMENT)
            return _told(problems.wrong_method(_ON_DOCUMENTS), request)
        if not request.path.startswith(PATH):
            return _told(problems.NO_PAGE, request)
        token = request.path.removeprefix(PATH)
        match request.method:
            case "GET" | "HEAD":
                return self._look(request, token)
            case "POST":
                return self._receive(request, token)
            case _:
                return _told(problems.wrong_method(_ON_LINKS), request)

    def _look(self, request: Request, token: str) -> Response:
        link, asked = self._opened(token)
        if not self._is_open(asked):
            raise _UnusableError
        if request.method == "GET":
            person = _person(link, request, name=_SOMEBODY)
            asked = self.answers.journal.view_approval(
                link.callback_id, person, now=self.answers.clock()
            )
        view = self._view(asked, link, token)
        if not request.wants_json:
            return approval_page(view)
        shown = _json(_view_to_json(view))
        return shown if fits(shown.body) else _told(problems.TOO_LARGE_TO_SHOW, request)

    def _receive(self, request: Request, token: str) -> Response:
        """Take a body, whatever the link: what is wrong with it says nothing about the link."""
        if len(request.body) > MAX_BODY:
            return _told(problems.TOO_LARGE, request)
        try:
            wish = read_wish(request)
        except MalformedError as error:
            return _told(problems.malformed(str(error)), request)
        if wish is None:
            expected = (FORM_TYPE, JSON_TYPE)
            return _told(problems.wrong_type(request.content_type, expected=expected), request)
        return self._decide(request, token, wish)

    def _decide(self, request: Request, token: str, wish: Wish) -> Response:
        link, asked = self._opened(token)
        form = self.forms.take(wish.form, token, now=self.answers.clock())
        if form is None and not self._is_open(asked):
            # Told only to who has seen the page while it was open.
            raise _UnusableError
        try:
            problem = self._problem(wish, form, asked.approval, link)
            if problem is None and form is not None:
                return self._decided(request, link, wish, form=form, asked=asked)
        except (AlreadyVotedError, ApprovalChangedError, NotADeciderError) as error:
            problem = _refusal(error)
        except ApprovalClosedError as error:
            return _told(problems.closed(error), request)
        except BallotUsedError:
            return _told(problems.USED, request)
        return self._again(request, link, token, wish=wish, problem=problem or problems.NO_FORM)

    def _problem(
        self, wish: Wish, form: Form | None, approval: Approval, link: Link
    ) -> Problem | None:
        """Say why a wish can't be a ballot; what is closed is left to the journal to tell."""
        if approval.state is not ApprovalState.OPEN:
            return None
        if form is None:
            return problems.NO_FORM
        if form.hash != approval.hash:
            return problems.CHANGED
        fields = problems_of(wish, approval, is_named=link.name is not None)
        return problems.invalid(fields) if fields else None

    def _decided(
        self, request: Request, link: Link, wish: Wish, *, form: Form, asked: Asked
    ) -> Response:
        ballot = wish.ballot(
            asked.approval, person=_person(link, request, name=wish.name), form=form
        )
        try:
            decided = self.answers.decide(link.callback_id, ballot)
        except AnswerNotToldError:
            logger.exception("approval not told", extra={"session_id": asked.run.session_id})
            return _told(problems.NOT_TOLD, request)
        now = self.answers.clock()
        logger.info(
            "approval decided",
            extra={
                "session_id": decided.run.session_id,
                "approval_id": decided.approval.approval_id,
                "state": decided.state(now).value,
            },
        )
        if request.wants_json:
            return _json(approval_to_json(decided, now=now))
        return decided_page(decided, now=now)

    def _again(
        self, request: Request, link: Link, token: str, *, wish: Wish, problem: Problem
    ) -> Response:
        """Say what is wrong and, on a page, let it be mended: nothing that was typed is lost."""
        if request.wants_json:
            return _told(problem, request)
        asked = self.answers.journal.approval(link.callback_id)
        if problem.kind == problems.CHANGED.kind and wish.button is not Button.EDIT:
            # What the field had is the text as it was before, and nobody's edit.
            wish = replace(wish, content=None)
        view = self._view(asked, link, token)
        return approval_page(replace(view, wish=wish, problem=problem))

    def _opened(self, token: str) -> tuple[Link, Asked]:
        """Find what a token is to; all tokens cost the same reads.

        Raises:
            _UnusableError: It is to nothing.
        """
        link = self.links.read(token, now=self.answers.clock())
        asked = self._asked(link.callback_id if link else _DECOY)
        if link is None or asked is None or not link.is_to(asked.approval):
            raise _UnusableError
        learn(session_id=asked.run.session_id, workflow=asked.run.workflow)
        return link, asked

    def _asked(self, callback_id: str) -> Asked | None:
        try:
            return self.answers.journal.approval(callback_id)
        except (ApprovalNotFoundError, CallbackNotFoundError):
            return None

    def _is_open(self, asked: Asked) -> bool:
        return asked.state(self.answers.clock()) is ApprovalState.OPEN

    def _view(self, asked: Asked, link: Link, token: str) -> View:
        now = self.answers.clock()
        of_run = self.answers.journal.approvals(asked.run.session_id)
        return View(
            asked=asked,
            link=link,
            before=asked_before(asked.approval, of_run),
            form=self.forms.give(token, shown=asked.approval.hash, now=now),
            now=now,
        )


def _person(link: Link, request: Request, *, name: str) -> Person:
    agent = "".join(each if each.isprintable() else " " for each in request.user_agent)
    origin = f"{request.source_ip} {agent[:_LONGEST_AGENT]}".strip()
    return person_of(link, origin=origin, name=name)


def _refusal(error: AlreadyVotedError | ApprovalChangedError | NotADeciderError) -> Problem:
    match error:
        case ApprovalChangedError():
            return problems.CHANGED
        case AlreadyVotedError():
            status = HTTPStatus.CONFLICT
            return problems.refused("already-approved", str(error), status=status)
        case NotADeciderError():
            status = HTTPStatus.FORBIDDEN
            return problems.refused("not-a-decider", str(error), status=status)


def _view_to_json(view: View) -> dict[str, Json]:
    return {
        **approval_to_json(view.asked, now=view.now),
        "decides_as": view.link.name,
        "form": view.form,
        "before": None if view.before is None else _before_to_json(view.before),
    }


def _before_to_json(before: Approval) -> dict[str, Json]:
    return {
        "id": before.approval_id,
        "content": before.shown,
        "state": before.state.value,
        "decisions": [vote_to_json(vote) for vote in before.votes],
    }


def _json(body: Json) -> Response:
    return Response(status=HTTPStatus.OK, media_type=JSON_TYPE, body=json.dumps(body))


def _told(problem: Problem, request: Request) -> Response:
    if not request.wants_json:
        return problem_page(problem)
    return Response(
        status=problem.status,
        media_type=PROBLEM_TYPE,
        body=json.dumps(problem.to_json()),
        headers=problem.headers,
    )
