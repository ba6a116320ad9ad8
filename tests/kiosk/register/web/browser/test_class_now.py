"""The page of a lesson, in a browser."""

from playwright.sync_api import Page, expect

from tests.kiosk.register.web.browser.steps import sign_in
from tests.kiosk.register.web.support import School, mark


def test_a_mark_appears_without_reload(visitor: Page, school: School) -> None:
    """An open page shows a student's new mark as soon as it is stored."""
    sign_in(visitor, "alice")
    visitor.get_by_role("link", name="Maths 7B").click()
    row = visitor.locator("#row-s-1")
    expect(row).to_contain_text("not known yet")
    mark(school.lesson, "s-1", "present")
    expect(row).to_contain_text("present")
