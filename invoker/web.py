"""HTTP as an HTTP API gives it to a function: events of payload format 2.0, and their answers."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from runs.json_types import Json

JSON_TYPE = "application/json"
PROBLEM_TYPE = "application/problem+json"
HTML_TYPE = "text/html"
FORM_TYPE = "application/x-www-form-urlencoded"

#: What each answer has. A page with a token in its address must not be kept, framed or passed on.
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
    "vary": "accept, content-type",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
}
#: Bytes; the rest is for headers.
_LONGEST_ANSWER = 6 * 1024 * 1024 - 65_536
_RANGE = re.compile(r"\s*([\w.+*-]+/[\w.+*-]+)\s*(?:;[^,]*?q\s*=\s*([0-9.]+))?[^,]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request, as far as it is looked at."""

    method: str
    path: str
    #: Names in lower case.
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    source_ip: str = ""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Request":
        """Read an event; what is not as the format has it is as good as absent."""
        context = _object(event.get("requestContext"))
        http = _object(context.get("http"))
        headers = _object(event.get("headers"))
        return cls(
            method=str(http.get("method", "")).upper(),
            path=str(event.get("rawPath", "")),
            headers={str(name).lower(): str(value) for name, value in headers.items()},
            body=_body(event),
            source_ip=str(http.get("sourceIp", "")),
        )

    @property
    def user_agent(self) -> str:
        """Give what the program says that sent it."""
        return self.headers.get("user-agent", "")

    @property
    def content_type(self) -> str:
        """Give the media type of the body, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def wants_json(self) -> bool:
        """Say whether to answer with JSON; to whom both are the same, as they sent it."""
        accept = self.headers.get("accept", "")
        as_json = max(_quality(accept, JSON_TYPE), _quality(accept, PROBLEM_TYPE))
        as_html = _quality(accept, HTML_TYPE)
        if as_json == as_html:
            return self.content_type == JSON_TYPE
        return as_json > as_html


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer."""

    status: HTTPStatus
    media_type: str
    body: str
    #: Besides those that every answer has, or in their place.
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_event(self, *, is_head: bool = False) -> dict[str, Json]:
        """Give the answer as the HTTP API takes it; to HEAD, without its body."""
        return {
            "statusCode": self.status.value,
            "headers": {
                **_HEADERS,
                "content-type": f"{self.media_type}; charset=utf-8",
                **self.headers,
            },
            "body": "" if is_head else self.body,
            "isBase64Encoded": False,
        }


def fits(body: str) -> bool:
    """Say whether a body can be answered: Lambda takes 6 MB of the JSON that it is put into."""
    return len(json.dumps(body)) <= _LONGEST_ANSWER


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body")
    if not isinstance(body, str):
        return b""
    if not event.get("isBase64Encoded"):
        return body.encode("utf-8", "replace")
    try:
        return base64.b64decode(body)
    except (ValueError, binascii.Error):
        return b""


def _quality(accept: str, media_type: str) -> tuple[float, int]:
    """Say how welcome a media type is, and how specifically it is named.

    The most specific range that covers it decides.
    """
    kind = media_type.partition("/")[0]
    places = {media_type: 3, f"{kind}/*": 2, "*/*": 1}
    found = [(0, 0.0)]
    for each in _RANGE.finditer(accept or "*/*"):
        if (place := places.get(each[1].lower())) is not None:
            found.append((place, _number(each[2])))
    place, quality = max(found)
    return (quality, place) if quality else (0.0, 0)


def _number(text: str | None) -> float:
    try:
        return 1.0 if text is None else float(text)
    except ValueError:
        return 0.0
