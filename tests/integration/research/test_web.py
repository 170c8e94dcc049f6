"""Pages are fetched over real sockets, within limits."""

import threading

import pytest

from agent.workflows.research import web
from agent.workflows.research.errors import PageRefusedError, PageUnavailableError
from agent.workflows.research.web import fetch
from tests.support.web import Site


def get(url: str) -> web.Page:
    return fetch(url, stop=threading.Event())


def test_a_page_is_fetched(site: Site) -> None:
    site.pages["/x"] = (200, {"Content-Type": "text/html; charset=latin-1"}, b"<p>\xfc")

    page = get(f"{site.url}/x")

    assert (page.media_type, page.charset, page.data) == ("text/html", "latin-1", b"<p>\xfc")


def test_a_redirect_is_followed(site: Site) -> None:
    site.pages["/a"] = (302, {"Location": "/b"}, b"")
    site.pages["/b"] = (200, {"Content-Type": "text/plain"}, b"b")

    assert get(f"{site.url}/a").data == b"b"


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "file:///etc/hostname"])
def test_a_redirect_leads_nowhere_but_the_web(site: Site, target: str) -> None:
    site.pages["/a"] = (302, {"Location": target}, b"")

    with pytest.raises(PageRefusedError, match="/a' can't be read"):
        get(f"{site.url}/a")


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final(site: Site, status: int) -> None:
    site.pages["/x"] = (status, {}, b"")

    with pytest.raises(PageRefusedError, match=f"/x' can't be read: the server answers {status}"):
        get(f"{site.url}/x")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_trouble_of_the_server_may_pass(site: Site, status: int) -> None:
    site.pages["/x"] = (status, {}, b"")

    with pytest.raises(PageUnavailableError, match=f"the server answers {status}") as caught:
        get(f"{site.url}/x")
    assert caught.value.retryable


def test_nobody_there_may_pass() -> None:
    with pytest.raises(PageUnavailableError, match="can't be reached"):
        get("http://127.0.0.1:1/x")


def test_a_page_that_breaks_off_may_pass(site: Site) -> None:
    site.pages["/x"] = (200, {"Content-Length": "100"}, b"half")

    with pytest.raises(PageUnavailableError, match=r"broke off after 4 of 100 bytes|Incomplete"):
        get(f"{site.url}/x")


def test_a_page_that_is_too_large_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "MAX_PAGE_BYTES", 10)
    site.pages["/x"] = (200, {}, b"x" * 11)

    with pytest.raises(PageRefusedError, match="it has more than 10 bytes"):
        get(f"{site.url}/x")


def test_a_page_that_takes_too_long_is_given_up(site: Site) -> None:
    site.pages["/x"] = (200, {}, b"x")
    ticks = iter([0.0, 1_000.0])

    with pytest.raises(PageUnavailableError, match="it took longer than 60 s"):
        fetch(f"{site.url}/x", stop=threading.Event(), clock=lambda: next(ticks))


@pytest.mark.parametrize("url", ["http://", "http://[", "file:///etc/hostname", "http://a b/"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(PageRefusedError, match="can't be read"):
        get(url)
