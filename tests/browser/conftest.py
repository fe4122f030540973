"""Chromium on a live server with the shipped models. Requests to other hosts and errors in the console fail a test."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from app.catalog.loading import Choice, load_models
from app.catalog.registry import Registry
from tests.conftest import Live, Serve

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
WIDE, PHONE = (1280, 900), (390, 844)

expect.set_options(timeout=60_000)  # a busy machine is slow, not wrong

Visit = Callable[..., Page]


@pytest.fixture(scope="module")  # Playwright keeps an event loop running, which breaks other modules' tests
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists() and not os.environ.get("CI"):
        pytest.skip("needs Debian's chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def shipped() -> Registry:
    return load_models(Choice(ROOT / "checkpoints"), torch.device("cpu"))


@pytest.fixture(scope="module")
def live(serve: Serve, shipped: Registry) -> Live:
    return serve(shipped)


@pytest.fixture
def visit(browser: Browser, live: Live) -> Iterator[Visit]:
    """Opens the playground at a fragment. Only errors with a status or message in `refused` are allowed.

    The page's attribute `sent_requests` lists its requests, oldest first.
    """
    opened: list[tuple[Any, Page, list[str]]] = []

    def open_page(
        fragment: str = "",
        language: str = "en",
        size: tuple[int, int] = WIDE,
        server: Live | None = None,
        refused: tuple[int | str, ...] = (),
        theme: Any = "light",
    ) -> Page:
        url = (server or live).url
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale={"en": "en-GB", "tr": "tr-TR"}[language],
            color_scheme=theme,
            permissions=["clipboard-read", "clipboard-write"],
        )
        page = context.new_page()
        errors: list[str] = []
        requests: list[Request] = []
        page.sent_requests = requests  # type: ignore[attr-defined]
        expected = [f"status of {error} " if isinstance(error, int) else error for error in refused]

        def on_request(request: Request) -> None:
            requests.append(request)
            if not request.url.startswith((f"{url}/", "data:", "blob:")):
                errors.append(f"a request to {request.url}")

        page.on("request", on_request)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda message: (
                errors.append(f"{message.text} {message.location['url']}")
                if message.type in ("error", "warning") and not any(status in message.text for status in expected)
                else None
            ),
        )
        opened.append((context, page, errors))
        page.goto(f"{url}/{fragment}")
        return page

    yield open_page
    for context, _, _ in opened:
        context.close()
    for _, _, errors in opened:
        assert errors == []


def bodies(page: Page, path: str) -> list[Any]:
    """The bodies that a page has sent to a path, oldest first."""
    requests: list[Request] = page.sent_requests  # type: ignore[attr-defined]
    return [request.post_data_json for request in requests if request.method == "POST" and request.url.endswith(path)]
