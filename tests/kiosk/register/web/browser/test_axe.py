"""No page has a fault that axe finds, and none scrolls sideways on a phone.

axe-core (Deque, MPL-2.0) is in ``tests/vendor`` and goes into no wheel.
"""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.kiosk.register.web.browser.tour import STOPS
from tests.kiosk.register.web.support import School, mark, session_of

AXE = Path(__file__).parents[4] / "vendor" / "axe-4.14.1.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "es"])
def test_no_page_has_a_fault(browser: Browser, address: str, school: School, language: str) -> None:
    """WCAG 2.2 AA as far as axe can tell, on a phone in light and on a wide screen in dark."""
    mark(school.lesson, "s-1", "late")
    faults: list[str] = []
    for account in dict.fromkeys(one for one, _ in STOPS):
        with browser.new_context(base_url=address, locale=language, bypass_csp=True) as context:
            if account:
                cookie = {"name": "kiosk-session", "value": session_of(account), "url": address}
                context.add_cookies([cookie])  # type: ignore[list-item] # a TypedDict of Playwright
            page = context.new_page()
            for path in (path for one, path in STOPS if one == account):
                faults += [f"{path}: {fault}" for fault in faults_at(page, path)]
    assert not faults


def faults_at(page: Page, path: str) -> list[str]:
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 360, "height": 800})
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == 200, path
    page.add_script_tag(path=AXE)
    on_phone = faults_of(page)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 1280, "height": 800})
    return list(dict.fromkeys([*on_phone, *faults_of(page)]))


def faults_of(page: Page) -> list[str]:
    """What axe finds on the open page, and whether it is wider than the window."""
    found: dict[str, Any] = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", RULES
    )
    faults = [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
        for one in found["violations"]
    ]
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        faults.append("scrolls sideways")
    return faults
