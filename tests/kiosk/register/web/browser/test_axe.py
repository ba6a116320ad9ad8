"""No page has a fault that axe finds, and none scrolls sideways on a phone.

axe-core (Deque, MPL-2.0) is in ``tests/vendor`` and goes into no wheel.
"""

from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.kiosk.register.web.browser.steps import enter, sign_in
from tests.kiosk.register.web.browser.tour import PRESSES, STOPS, furnish, lock
from tests.kiosk.register.web.support import School

AXE = Path(__file__).parents[4] / "vendor" / "axe-4.14.1.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_SIZE_AND_COLOUR = [
    "color-contrast",
    "link-in-text-block",
    "scrollable-region-focusable",
    "target-size",
]
"""What a wide screen in the other scheme may break; all else is the same page."""
SEND = """([path, form]) => {
  const sent = document.querySelector("header form").cloneNode(true);
  sent.action = path;
  for (const [name, value] of Object.entries(form)) {
    const input = document.createElement("input");
    [input.name, input.value] = [name, value];
    sent.append(input);
  }
  document.body.append(sent);
  sent.submit();
}"""
"""Send a form with the page's own token."""
Scheme = Literal["dark", "light"]


@pytest.mark.slow
@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("es", "dark")])
def test_no_page_has_a_fault(
    browser: Browser, address: str, school: School, language: str, scheme: Scheme
) -> None:
    """WCAG 2.2 AA as far as axe can tell, on a phone, and on a wide screen in the other scheme."""
    places = furnish(school)
    faults: list[str] = []
    for account in dict.fromkeys(one for one, _ in STOPS):
        with browser.new_context(base_url=address, locale=language, bypass_csp=True) as context:
            page = context.new_page()
            if account:
                enter(page, account, address)
            for path in (path for one, path in STOPS if one == account):
                answer = page.goto(path.format(**places))
                assert answer is not None
                assert answer.status < 500, path
                faults += [f"{path}: {fault}" for fault in faults_of(page, scheme)]
            for path, form in ((p, f) for one, p, f in PRESSES if one == account):
                page.goto("/my-account")
                with page.expect_navigation():
                    page.evaluate(SEND, [path, form])
                assert page.url.endswith(path)
                faults += [f"{path}: {fault}" for fault in faults_of(page, scheme)]
    assert not faults


@pytest.mark.slow
def test_the_page_of_a_locked_name_has_no_fault(visitor: Page, school: School) -> None:
    """It says what to do, in a page like the others."""
    assert school
    lock("alice")
    sign_in(visitor, "alice")
    assert visitor.get_by_role("heading").text_content() == "Too many attempts"
    assert not faults_of(visitor, "light")


def faults_of(page: Page, scheme: Scheme) -> list[str]:
    """What axe finds on the open page, and whether it is wider than the window."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text())
    found: list[str] = []
    other: Scheme = "dark" if scheme == "light" else "light"
    every, some = {"type": "tag", "values": RULES}, {"type": "rule", "values": OF_SIZE_AND_COLOUR}
    for width, colours, rules in ((360, scheme, every), (1280, other, some)):
        page.emulate_media(color_scheme=colours, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 800})
        found += _violations(page, rules)
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            found.append(f"scrolls sideways at {width} pixels")
    return list(dict.fromkeys(found))


def _violations(page: Page, rules: dict[str, Any]) -> list[str]:
    found: dict[str, Any] = page.evaluate(
        "rules => axe.run({runOnly: rules, resultTypes: ['violations']})", rules
    )
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
        for one in found["violations"]
    ]
