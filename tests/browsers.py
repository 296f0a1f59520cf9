"""A headless Chromium for tests, and pages of it that may not err."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESK = {"width": 1400, "height": 900}

Open = Callable[..., Page]


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """The browser at that path; every page of it should have a context of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def windows(browser: Browser, *, expected: str | None = None) -> Iterator[Open]:
    """Opens addresses, each in a window of its own; errors of any page or console fail the test.

    What a console is `expected` to complain of is no error.
    """
    contexts = []
    errors: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        told = message.type in {"error", "warning"}
        if told and (expected is None or expected not in message.text):
            errors.append(message.text)

    def opened(url: str, **device: Any) -> Page:
        context = browser.new_context(**{"viewport": DESK, **device})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", heard)
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []
