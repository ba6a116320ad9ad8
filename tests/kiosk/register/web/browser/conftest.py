"""The pages, served to a real Chromium."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from kiosk.register.commands.pages import server_config
from kiosk.register.config import RegisterConfig

CHROMIUM = Path("/usr/bin/chromium")
# A busy machine takes its time; a page that has missed an update fetches it after a minute only.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A running Chromium."""
    if not CHROMIUM.exists():
        pytest.skip("Chromium is absent; install the Debian package chromium")
    # Playwright has an event loop in this thread, in which Django allows no database call.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as chromium,
    ):
        yield chromium
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def address(config: RegisterConfig) -> Iterator[str]:
    """The address of the served pages."""
    server = uvicorn.Server(server_config(config))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{config.pages.port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def visitor(browser: Browser, address: str) -> Iterator[Page]:
    """A tab at the first page."""
    with browser.new_context(base_url=address, locale="en-GB") as context:
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto("/")
        yield page
