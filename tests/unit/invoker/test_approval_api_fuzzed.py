"""The approvals' API held against its own document by schemathesis, behind links that open."""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode

from invoker.web import Request
from runs.artifacts.folder import FolderStore
from runs.journal.sqlite import SqliteJournal
from tests.support.approvals import POST, ask
from tests.support.pages import Office

EXAMPLES = 60
#: What schemathesis calls with, as a WSGI server hands it over.
Environ = Mapping[str, Any]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    journal = SqliteJournal(":memory:", artifacts=FolderStore(tmp_path))
    yield Office(journal)
    journal.close()


def served(office: Office) -> Callable[[Environ, Callable[..., object]], Iterable[bytes]]:
    """Serve the API as the HTTP API does: each request is an event."""

    def app(environ: Environ, start: Callable[..., object]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") or name == "CONTENT_TYPE"
        }
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        request = Request.from_event(
            {
                # The document's server is ".", from which the client makes a second slash.
                "rawPath": f"/{path.lstrip('/')}",
                "headers": headers,
                "requestContext": {
                    "http": {"method": environ["REQUEST_METHOD"], "sourceIp": "203.0.113.7"}
                },
                "body": base64.b64encode(body).decode(),
                "isBase64Encoded": True,
            }
        )
        answer: Any = office.api.answer(request).to_event(is_head=request.method == "HEAD")
        status = HTTPStatus(answer["statusCode"])
        start(f"{status.value} {status.phrase}", list(answer["headers"].items()))
        return [answer["body"].encode()]

    return app


def opened(case: Case[Any], office: Office) -> None:
    """Give a request a link that opens something, and the form of its page."""
    # Of several, so that one approval does not close it; to one person, whose name is known.
    _, approval = ask(office.journal, replace(POST, quorum=3))
    token = office.token(approval, "Ada")
    case.path_parameters = {"token": token}
    if isinstance(case.body, dict) and "form" in case.body:
        # Put whole: what was wrong with a body is found out anew.
        case.body = {**case.body, "form": office.open(token, "application/json").json["form"]}


@pytest.mark.parametrize(
    ("method", "mode"),
    [
        ("GET", GenerationMode.POSITIVE),
        ("HEAD", GenerationMode.POSITIVE),
        ("POST", GenerationMode.POSITIVE),
        ("POST", GenerationMode.NEGATIVE),
    ],
)
@pytest.mark.parametrize("is_opened", [True, False], ids=["open", "unusable"])
def test_whatever_is_sent_is_answered_as_the_document_says(
    office: Office, method: str, mode: GenerationMode, *, is_opened: bool
) -> None:
    operation = schemathesis.openapi.from_wsgi("/openapi.json", served(office))["/a/{token}"][
        method
    ]
    statuses: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Case[Any]) -> None:
        if is_opened:
            opened(case, office)
        response = case.call()
        statuses.add(response.status_code)
        case.validate_response(response)

    check()

    good = HTTPStatus.OK if mode is GenerationMode.POSITIVE else HTTPStatus.BAD_REQUEST
    assert (good if is_opened else HTTPStatus.NOT_FOUND) in statuses
