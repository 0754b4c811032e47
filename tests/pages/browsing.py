"""What the browser's tests share: axe, logging in, and a Chromium beside Django."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import find_program

AXE = (Path(__file__).parent / "axe" / "axe-4.14.1.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS = [(1280, "light"), (390, "light"), (390, "dark"), (1280, "dark")]
"""Width of the window in CSS pixels and the reader's colours."""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. Playwright's event loop in this thread makes Django believe that it is called by one."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_program("chromium"), args=["--no-sandbox"])
            yield browser
            browser.close()
    finally:
        if before is None:
            del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


def violations(page: Page, *, tags: list[str] | None = RULES) -> list[str]:
    """What axe finds on the page, an element each; without tags only what depends on the colours."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    only = {"type": "rule", "values": ["color-contrast"]} if tags is None else {"type": "tag", "values": tags}
    found = page.evaluate("only => axe.run(document, {runOnly: only, resultTypes: ['violations']})", only)
    return [
        f"{each['id']}: {node['html'][:200]} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"][:3]
    ]


def wide(page: Page) -> bool:
    """Whether something has to be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def looked_at(page: Page, name: str, rules: list[str], *, dark_class: str = "") -> list[str]:
    """Faults of one load in all LOOKS: by the rules, and in dark colours by the one about colours.

    ``dark_class``: what the root has there, where the page's theme goes by that.
    """
    faults = []
    for width, scheme in LOOKS:
        page.emulate_media(color_scheme=scheme)
        if dark_class:
            page.evaluate(
                "([name, on]) => document.documentElement.classList.toggle(name, on)", [dark_class, scheme == "dark"]
            )
        page.set_viewport_size({"width": width, "height": 900})
        found = violations(page, tags=rules if scheme == "light" else None)
        faults += [f"{name} {width} {scheme} {fault}" for fault in found]
        if wide(page):
            faults.append(f"{name} {width} is wider than the window")
    return faults


def log_in(page: Page, address: str, name: str, password: str = "secret", then: str = "/") -> None:
    """By the form, to the page ``then``."""
    page.goto(f"{address}/login/?next={then}")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}{then}")
