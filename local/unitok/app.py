"""UniTok over HTTP: a page for people, and JSON for agents.

GET  /                 the posts as a page
POST /posts            publish; with Idempotency-Key, however often it is sent, once
GET  /posts            the posts; ?idempotency_key=…, ?before=…, ?limit=…
GET  /posts/{number}   one post
GET  /health           {"status": "ok"}
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from agent.workflows.marketing.errors import PostError
from agent.workflows.marketing.post import Post
from local.unitok.errors import (
    BadRequestError,
    RejectedPostError,
    TooLargeError,
    UniTokError,
    UnknownPostError,
    WrongTypeError,
)
from local.unitok.page import page
from local.unitok.store import PostStore, Published
from runs.instants import to_iso
from runs.json_types import Json

HEALTH_PATH = "/health"
#: A post's text in JSON may take six bytes a character, and a little around it.
_MAX_BODY = 2 * 2**20
_MAX_KEY = 255
_PAGE = 50
_MOST = 500
#: Whatever a post holds, the page runs nothing and asks nobody but for pictures.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "img-src http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def build_app(store: PostStore, *, clock: Callable[[], datetime] | None = None) -> Starlette:
    """Build the service over a store; `clock` tells when a post is published."""
    unitok = _UniTok(store, clock or (lambda: datetime.now(UTC)))
    return Starlette(
        routes=[
            Route("/", unitok.page),
            Route("/posts", unitok.publish, methods=["POST"]),
            Route("/posts", unitok.find),
            Route("/posts/{number}", unitok.get),
            Route(HEALTH_PATH, _health),
        ],
        exception_handlers={UniTokError: _tell, HTTPException: _tell_http},
    )


class _UniTok:
    """The handlers."""

    def __init__(self, store: PostStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def publish(self, request: Request) -> Response:
        key = _key(request)
        post = _post(await _body(request))
        found, is_new = await run_in_threadpool(
            lambda: self._store.publish(post, key=key, now=self._clock())
        )
        headers = {} if is_new else {"Idempotent-Replayed": "true"}
        url = _url(request, found)
        return _answer(
            _to_json(request, found),
            201 if is_new else 200,
            headers={"Location": url, **headers},
        )

    async def find(self, request: Request) -> Response:
        found = await run_in_threadpool(self._found, request)
        return _answer({"posts": [_to_json(request, each) for each in found]})

    async def get(self, request: Request) -> Response:
        given = request.path_params["number"]
        found = await run_in_threadpool(self._store.get, number) if (number := _id(given)) else None
        if found is None:
            raise UnknownPostError(given)
        return _answer(_to_json(request, found))

    async def page(self, request: Request) -> Response:
        before = _whole(request, "before", most=2**63 - 1)
        found = await run_in_threadpool(lambda: self._store.latest(_PAGE + 1, before=before))
        text = page(found[:_PAGE], has_older=len(found) > _PAGE)
        return HTMLResponse(text, headers=_HEADERS)

    def _found(self, request: Request) -> list[Published]:
        key = request.query_params.get("idempotency_key")
        if key is not None:
            return self._store.by_key(key)
        limit = _whole(request, "limit", most=_MOST) or _PAGE
        return self._store.latest(limit, before=_whole(request, "before", most=2**63 - 1))


async def _health(_: Request) -> Response:
    return _answer({"status": "ok"})


async def _body(request: Request) -> bytes:
    given = request.headers.get("content-type", "")
    # A form on somebody else's page can send any other type, and this one only with our leave.
    if given.partition(";")[0].strip().lower() != "application/json":
        raise WrongTypeError(given)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise TooLargeError(_MAX_BODY)
    return body


def _post(body: bytes) -> Post:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        msg = f"the body is no JSON: {error}"
        raise BadRequestError(msg) from error
    try:
        return Post.from_json(data)
    except PostError as error:
        raise RejectedPostError(error.field, str(error)) from error


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= _MAX_KEY:
        msg = f"Idempotency-Key has {len(key)} characters, expected 1 to {_MAX_KEY}"
        raise BadRequestError(msg)
    return key


def _whole(request: Request, name: str, *, most: int) -> int | None:
    given = request.query_params.get(name)
    if given is None:
        return None
    number = _id(given)
    if number is None or number > most:
        msg = f"{name} is {given!r:.40}, expected a whole number from 1 to {most}"
        raise BadRequestError(msg)
    return number


def _id(given: str) -> int | None:
    """Read a post's number; None if no post has such a one."""
    is_number = given.isascii() and given.isdigit() and len(given) < 20
    number = int(given) if is_number else 0
    return number if 0 < number < 2**63 else None


def _to_json(request: Request, published: Published) -> dict[str, Json]:
    return {
        "id": str(published.id),
        "url": _url(request, published),
        **published.post.to_json(),
        "published_at": to_iso(published.published_at),
    }


def _url(request: Request, published: Published) -> str:
    return str(request.url_for("get", number=published.id))


def _answer(data: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(data, status, headers={**_HEADERS, **(headers or {})})


async def _tell(_: Request, error: Exception) -> Response:
    assert isinstance(error, UniTokError)  # noqa: S101 - as Starlette calls it
    told: dict[str, Json] = {"code": error.code, "message": str(error), "field": error.field}
    return _answer({"error": told}, error.status)


async def _tell_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as Starlette calls it
    told: dict[str, Json] = {"code": "http", "message": error.detail, "field": None}
    return _answer({"error": told}, error.status_code, dict(error.headers or {}))
