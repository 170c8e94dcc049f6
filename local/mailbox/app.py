"""The mailbox over HTTP: pages for people, JSON for programs, and where SNS delivers.

GET  /                  all mails as a page
GET  /mails             the mails; without their text and HTML
GET  /mails/{id}        one mail: a page, or JSON to whoever accepts only that
GET  /mails/{id}/html   its HTML alone, for the frame on its page
GET  /health            {"status": "ok"}
POST /sns               what an SNS topic sends to its subscribers
"""

import json
import logging
from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from local.mailbox.page import list_page, mail_page, missing_page
from runs.errors import LetterNotSentError
from runs.letters import Letter
from runs.post.mailbox import Mail, Mailbox

logger = logging.getLogger(__name__)

HEALTH_PATH = "/health"
SNS_PATH = "/sns"
#: A page of somebody else's can't send this header without our leave, which it does not get.
_TYPE = "x-amz-sns-message-type"
#: SNS sends 256 KiB at most, in JSON in which a character may take six.
_MAX_BODY = 2 * 2**20
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
#: Of a mail's own HTML, also where it is opened without its frame.
_MAIL_HEADERS = {
    **_HEADERS,
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox",
}

#: Confirms a subscription: given the topic's ARN and the token.
Confirm = Callable[[str, str], None]


def build_app(mailbox: Mailbox, *, confirm: Confirm) -> Starlette:
    """Build the mailbox's server.

    Args:
        mailbox: Where the mails are.
        confirm: Tells SNS that a subscription is wanted.
    """
    pages = _Pages(mailbox, confirm)
    return Starlette(
        routes=[
            Route("/", pages.all),
            Route("/mails", pages.index),
            Route("/mails/{id}", pages.one),
            Route("/mails/{id}/html", pages.html),
            Route(HEALTH_PATH, _health),
            Route(SNS_PATH, pages.take, methods=["POST"]),
        ]
    )


class _Pages:
    """The handlers."""

    def __init__(self, mailbox: Mailbox, confirm: Confirm) -> None:
        self._mailbox = mailbox
        self._confirm = confirm

    async def all(self, _: Request) -> Response:
        mails = await run_in_threadpool(self._mailbox.mails)
        return HTMLResponse(list_page(mails), headers=_HEADERS)

    async def index(self, _: Request) -> Response:
        mails = await run_in_threadpool(self._mailbox.mails)
        short = [
            {name: value for name, value in mail.to_json().items() if name not in ("text", "html")}
            for mail in mails
        ]
        return JSONResponse({"mails": short}, headers=_HEADERS)

    async def one(self, request: Request) -> Response:
        mail = await self._find(request)
        if request.headers.get("accept") == "application/json":
            if mail is None:
                return JSONResponse({"error": "there is no such mail"}, 404, headers=_HEADERS)
            return JSONResponse(mail.to_json(), headers=_HEADERS)
        if mail is None:
            return HTMLResponse(missing_page(), 404, headers=_HEADERS)
        return HTMLResponse(mail_page(mail), headers=_HEADERS)

    async def html(self, request: Request) -> Response:
        mail = await self._find(request)
        if mail is None:
            return HTMLResponse(missing_page(), 404, headers=_HEADERS)
        return HTMLResponse(mail.html, headers=_MAIL_HEADERS)

    async def take(self, request: Request) -> Response:
        kind = request.headers.get(_TYPE)
        body = await _body(request)
        if body is None:
            return _refused("the body is too large")
        try:
            await run_in_threadpool(self._deliver, kind, json.loads(body))
        except (ValueError, KeyError, TypeError, RecursionError, LetterNotSentError) as error:
            logger.warning("not delivered", extra={"error": repr(error)})
            return _refused(f"this is no message of a topic of ours: {error}")
        return JSONResponse({"status": "ok"}, headers=_HEADERS)

    async def _find(self, request: Request) -> Mail | None:
        return await run_in_threadpool(self._mailbox.mail, request.path_params["id"])

    def _deliver(self, kind: str | None, message: Mapping[str, str]) -> None:
        if kind == "SubscriptionConfirmation":
            self._confirm(message["TopicArn"], message["Token"])
            return
        if kind != "Notification":
            msg = f"{_TYPE} is {kind!r:.60}, expected 'Notification'"
            raise ValueError(msg)
        self._mailbox.send(Letter.from_json(json.loads(message["Message"])))


async def _body(request: Request) -> bytes | None:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            return None
    return body


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"}, headers=_HEADERS)


def _refused(why: str) -> Response:
    return JSONResponse({"error": why}, 400, headers=_HEADERS)
