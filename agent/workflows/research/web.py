"""Read pages from the web, within limits of size and time."""

import http.client
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

from agent.workflows.research.errors import PageRefusedError, PageUnavailableError

MAX_PAGE_BYTES = 5 * 2**20
#: Seconds without a byte, and seconds for a page in all: a server that drips is no page.
SILENCE_SECONDS = 15.0
PAGE_SECONDS = 60.0
_CHUNK = 64 * 2**10
_AGENT = "errand-research/1"
#: Answers that may be others a moment later.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What an address gave."""

    #: The address that was asked for.
    url: str
    media_type: str
    charset: str | None
    data: bytes


class _WebOnly(urllib.request.HTTPRedirectHandler):
    """Follows to http and https only; the library's own would also follow to ftp."""

    def redirect_request(  # noqa: PLR0913, PLR0917 - the library's signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme not in {"http", "https"}:
            raise PageRefusedError(req.full_url, f"it leads to {newurl!r}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(url: str, *, stop: threading.Event, clock: Callable[[], float] = time.monotonic) -> Page:
    """Read a page.

    Any host this machine reaches is asked, also one in a private network: whoever may start runs
    may read what it can read.

    Args:
        url: An http or https address.
        stop: Set when the attempt must stop; what is read then is given up.
        clock: Seconds that only grow.

    Raises:
        PageRefusedError: There is no text at this address.
        PageUnavailableError: It did not answer, or not in time.
    """
    try:
        is_web = urlsplit(url).scheme in {"http", "https"} and bool(urlsplit(url).hostname)
    except ValueError:
        is_web = False
    if not is_web:
        raise PageRefusedError(url, "expected an http:// or https:// address")
    opener = urllib.request.build_opener(_WebOnly)
    try:
        request = urllib.request.Request(url, headers={"User-Agent": _AGENT})  # noqa: S310 - checked above
        with opener.open(request, timeout=SILENCE_SECONDS) as answer:
            data = _body(url, answer, stop=stop, clock=clock)
            return Page(
                url=url,
                media_type=answer.headers.get_content_type(),
                charset=answer.headers.get_content_charset(),
                data=data,
            )
    except urllib.error.HTTPError as error:
        error.close()
        why = f"the server answers {error.code} {error.reason}"
        if error.code in _PASSING:
            raise PageUnavailableError(url, why) from error
        raise PageRefusedError(url, why) from error
    except (http.client.InvalidURL, UnicodeError) as error:
        raise PageRefusedError(url, f"the address is none: {error}") from error
    except urllib.error.URLError as error:
        raise PageUnavailableError(url, str(error.reason)) from error
    except (http.client.HTTPException, OSError) as error:
        raise PageUnavailableError(url, str(error) or type(error).__name__) from error


def _body(
    url: str,
    answer: http.client.HTTPResponse,
    *,
    stop: threading.Event,
    clock: Callable[[], float],
) -> bytes:
    until = clock() + PAGE_SECONDS
    data = bytearray()
    while chunk := answer.read1(_CHUNK):
        data += chunk
        if len(data) > MAX_PAGE_BYTES:
            raise PageRefusedError(url, f"it has more than {MAX_PAGE_BYTES:,} bytes")
        if clock() > until:
            raise PageUnavailableError(url, f"it took longer than {PAGE_SECONDS:g} s")
        if stop.is_set():
            raise PageUnavailableError(url, "the attempt stops")
    expected = answer.headers.get("Content-Length")
    if expected and expected.isdigit() and len(data) < int(expected):
        raise PageUnavailableError(url, f"it broke off after {len(data):,} of {expected} bytes")
    return bytes(data)
