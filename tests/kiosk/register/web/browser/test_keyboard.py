"""The pages by keyboard alone."""

from playwright.sync_api import Page, expect

from tests.kiosk.register.web.browser.steps import enter
from tests.kiosk.register.web.support import School

OUTLINE = "const s = getComputedStyle(document.activeElement); [s.outlineStyle, s.outlineWidth]"
SEEN = "const b = document.activeElement.getBoundingClientRect(); b.right > 0 && b.width > 1"


def test_everything_at_the_top_is_reached_and_seen(
    visitor: Page, address: str, school: School
) -> None:
    """The first key shows the way to the content; each next one a link, with a frame around it."""
    assert school
    visitor.set_viewport_size({"width": 360, "height": 700})
    enter(visitor, "ada", address)
    visitor.goto("/accounts")
    wanted = visitor.locator("a.skip, header a, header button").all_text_contents()
    reached = []
    for _ in wanted:
        visitor.keyboard.press("Tab")
        reached.append(visitor.evaluate("document.activeElement.textContent"))
        assert visitor.evaluate(OUTLINE) == ["solid", "3px"], reached
        assert visitor.evaluate(SEEN), reached
    assert reached == wanted
    assert len(reached) > 10


def test_the_first_key_leads_past_the_links(visitor: Page, address: str, school: School) -> None:
    """Then the next key is in the content."""
    assert school
    enter(visitor, "alice", address)
    visitor.goto("/now")
    visitor.keyboard.press("Tab")
    visitor.keyboard.press("Enter")
    expect(visitor.locator("main")).to_be_focused()
    visitor.keyboard.press("Tab")
    expect(visitor.locator("main :is(a, button)").first).to_be_focused()
