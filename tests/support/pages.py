"""The approvals' API on a journal, and a browser without scripts to look at its pages."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

import html5lib

from invoker.approval_api import ApprovalApi
from invoker.forms import Forms
from invoker.web import FORM_TYPE, HTML_TYPE, JSON_TYPE, Request
from runs.answering import Answers
from runs.asked import Approval
from runs.callback_service import CallbackService, NoCallbackService
from runs.journal.base import Journal
from runs.links import PATH, Links, link_to
from runs.operations import Operation
from tests.support.invoking import RecordingSignal
from tests.support.journals import NOW
from tests.support.links import KeyText

PHONE = "Mozilla/5.0 (Linux; Android 16) Mobile"


@dataclass(frozen=True)
class Page:
    """An answer, as a browser gets it."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - any JSON
        return json.loads(self.body)

    @cached_property
    def tree(self) -> Element:
        """The page as browsers read it; fails where the HTML is not valid."""
        parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
        root: Element = parser.parse(self.body)
        return root

    @property
    def text(self) -> str:
        """All words of the page."""
        return " ".join("".join(self.only("main").itertext()).split())

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Find the elements of a name that have these attributes."""
        return [
            each
            for each in self.tree.iter(tag)
            if all(each.get(name.rstrip("_")) == value for name, value in attributes.items())
        ]

    def only(self, tag: str, **attributes: str) -> Element:
        """Find the one element of a name that has these attributes."""
        (found,) = self.all(tag, **attributes)
        return found

    def fields(self, button: str) -> dict[str, str]:
        """Give what a browser sends when a button is pressed and nothing was typed."""
        pressed = self.only("button", value=button)
        sent = {str(pressed.get("name")): button}
        for each in self.all("input"):
            sent[str(each.get("name"))] = each.get("value") or ""
        for each in self.all("textarea"):
            sent[str(each.get("name"))] = (each.text or "").replace("\n", "\r\n")
        return sent


@dataclass(frozen=True)
class _Passing:
    """Tells whatever service an office has at the time."""

    office: "Office"

    def tell(self, callback: Operation) -> None:
        """See `CallbackService.tell`."""
        self.office.service.tell(callback)


@dataclass
class Office:
    """The API with everything around it, and a clock that stands still until it is moved."""

    journal: Journal
    keys: KeyText = field(default_factory=KeyText)
    now: datetime = NOW
    signal: RecordingSignal = field(default_factory=RecordingSignal)
    pauses: list[float] = field(default_factory=list)
    source_ip: str = "203.0.113.7"
    #: Where runs wait that are Lambda durable executions.
    service: CallbackService = field(default_factory=NoCallbackService)

    def __post_init__(self) -> None:
        self.links = Links(self.keys.ring, base_url="https://example.org")
        self.api = ApprovalApi(
            answers=Answers(
                journal=self.journal,
                signal=self.signal,
                clock=lambda: self.now,
                service=_Passing(self),
            ),
            links=self.links,
            forms=Forms(self.keys.ring),
            ticks=lambda: 0.0,
            pause=self.pauses.append,
        )

    def later(self, **duration: float) -> None:
        """Let time pass."""
        self.now += timedelta(**duration)

    def token(self, approval: Approval, name: str | None = None, *roles: str) -> str:
        """Make a link's token."""
        run = self.journal.get(approval.session_id)
        assert run is not None
        return self.links.token(link_to(approval, run, name=name, roles=roles))

    def ask(self, method: str, path: str, *, body: bytes = b"", **headers: str) -> Page:
        """Send a request as the HTTP API passes it on."""
        event = event_of(method, path, body=body, source_ip=self.source_ip, headers=headers)
        request = Request.from_event(event)
        answer: Any = self.api.answer(request).to_event(is_head=request.method == "HEAD")
        return Page(answer["statusCode"], answer["headers"], answer["body"])

    def open(self, token: str, accept: str = HTML_TYPE) -> Page:
        """Follow a link."""
        return self.ask("GET", f"{PATH}{token}", accept=accept)

    def submit(self, token: str, fields: Mapping[str, str]) -> Page:
        """Send a form as a browser does."""
        body = urlencode(fields).encode()
        return self.ask("POST", f"{PATH}{token}", body=body, content_type=FORM_TYPE)

    def send(self, token: str, data: object) -> Page:
        """Send JSON."""
        body = json.dumps(data).encode()
        return self.ask("POST", f"{PATH}{token}", body=body, content_type=JSON_TYPE)

    def press(self, token: str, button: str, **typed: str) -> Page:
        """Open a link, type, and press a button."""
        return self.submit(token, self.open(token).fields(button) | typed)


def event_of(
    method: str,
    path: str,
    *,
    body: bytes = b"",
    source_ip: str = "203.0.113.7",
    headers: Mapping[str, str],
) -> dict[str, Any]:
    """Make an event of payload format 2.0; forms come in base64, as from the HTTP API."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    is_text = named.get("content-type") == JSON_TYPE
    carried = body.decode(errors="replace") if is_text else base64.b64encode(body).decode()
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"user-agent": PHONE, **named},
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": source_ip}},
        "isBase64Encoded": not is_text,
        **({"body": carried} if body else {}),
    }
