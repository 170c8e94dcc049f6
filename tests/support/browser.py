"""The machine's own Chromium, without a window, used as people use theirs."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, sync_playwright

#: How long something on a page may take to be there.
_PATIENCE_SECONDS = 20
#: A folder: pictures are taken, and put there. They are those of the documentation.
PICTURES = "ERRAND_PICTURES"
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(
    _CHROMIUM is None,
    reason="there is no chromium on the PATH; `apt-get install chromium` has this tested, too",
)
_ARGUMENTS = (
    "--no-sandbox",  # it opens nothing but this machine's pages, and root may not use one
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: What a finger needs, in CSS pixels.
_TOUCH = 44
_TOUCHED = "button:visible, summary:visible, input:visible, textarea:visible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What somebody looks at pages with."""

    name: str
    width: int
    height: int
    is_phone: bool = False
    has_scripts: bool = True


DESKTOP = Device(name="desktop", width=1100, height=900)
#: The narrowest of those in use, with a browser that runs no scripts.
PHONE = Device(name="phone", width=360, height=780, is_phone=True, has_scripts=False)


@dataclass(frozen=True)
class Reader:
    """Somebody with a device."""

    device: Device
    page: Page
    #: The addresses of everything that a page had fetched.
    fetched: list[str] = field(default_factory=list)
    #: What pages have said in windows of their own: nobody's text may.
    said: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> Page:
        """Note what a page fetches and says."""

        def hear(dialog: Dialog) -> None:
            self.said.append(dialog.message)
            dialog.dismiss()

        page.on("request", lambda request: self.fetched.append(request.url))
        page.on("dialog", hear)
        return page

    def tap(self, link: Locator) -> Page:
        """Follow a link that opens a page of its own, and give that."""
        with self.page.expect_popup() as opened:
            link.click()
        return self.watch(opened.value)

    def take(self, page: Page, name: str) -> None:
        """Take a picture for the documentation, if they are wanted."""
        if folder := os.environ.get(PICTURES):
            path = Path(folder) / f"{name}-{self.device.name}.png"
            page.screenshot(path=path, full_page=True, animations="disabled")


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run a Chromium for the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def reading(browser: Browser, device: Device) -> Iterator[Reader]:
    """Have somebody look at pages for the block, with nothing left from before."""
    context = browser.new_context(
        viewport={"width": device.width, "height": device.height},
        device_scale_factor=1,
        is_mobile=device.is_phone,
        has_touch=device.is_phone,
        java_script_enabled=device.has_scripts,
    )
    context.set_default_timeout(_PATIENCE_SECONDS * 1000)
    try:
        reader = Reader(device, context.new_page())
        reader.watch(reader.page)
        yield reader
    finally:
        context.close()


def assert_fits(page: Page) -> None:
    """Check that a page is read without moving it sideways."""
    wide, visible = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= visible, f"{page.url} is {wide} px wide, and {visible} are visible"


def assert_can_be_touched(page: Page) -> None:
    """Check that whatever is pressed or typed into is large enough for a finger."""
    found = page.locator(_TOUCHED).all()
    small = [f"{_words(each)} {box}" for each in found if (box := _box(each))["height"] < _TOUCH]
    assert found, f"nothing can be pressed on {page.url}"
    assert not small, small


def assert_is_labelled(page: Page) -> None:
    """Check that each field has the words that say what it is for."""
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input:not([type=hidden]), textarea, select')]"
        ".filter(each => ![...each.labels].some(label => label.textContent.trim()))"
        ".map(each => each.outerHTML)"
    )
    assert not unnamed, unnamed


def _box(each: Locator) -> Any:  # noqa: ANN401 - a dict of numbers
    each.scroll_into_view_if_needed()
    return each.bounding_box()


def _words(each: Locator) -> str:
    return str(each.evaluate("each => each.outerHTML"))[:100]
