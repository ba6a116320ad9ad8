"""The page of a lesson, in a browser."""

import time
from datetime import UTC, datetime

from playwright.sync_api import Page, Route, expect

from kiosk.register.models import Change, Mark
from tests.kiosk.register.web.browser.steps import enter, sign_in
from tests.kiosk.register.web.support import School, mark


def test_a_mark_appears_without_reload(visitor: Page, school: School) -> None:
    """An open page shows a student's new mark as soon as it is stored, and says it in sum."""
    sign_in(visitor, "alice")
    expect(visitor.get_by_role("heading", name="Maths 7B")).to_be_visible()
    row = visitor.locator("#row-s-1")
    expect(row).to_contain_text("not known yet")
    mark(school.lesson, "s-1", "present")
    expect(row).to_contain_text("present")
    expect(visitor.locator("#news")).to_have_text("1 present, 2 not known yet")


def continue_late(route: Route) -> None:
    time.sleep(1)
    route.continue_()


def test_a_page_is_live_although_a_script_comes_late(
    visitor: Page, address: str, school: School
) -> None:
    """On slow Wi-Fi the script for live updates comes after the others."""
    enter(visitor, "alice", address)
    visitor.route("**/hx-sse-*", continue_late)
    visitor.goto(f"/lessons/{school.lesson.lesson_id}/now")
    expect(visitor.locator("#row-s-1")).to_contain_text("not known yet")
    mark(school.lesson, "s-1", "present")
    expect(visitor.locator("#row-s-1")).to_contain_text("present")


def test_a_chosen_row_stays_chosen_and_a_pause_holds(
    visitor: Page, address: str, school: School
) -> None:
    """Live updates keep what a person is doing, and wait while they are paused."""
    enter(visitor, "alice", address)
    visitor.goto(f"/lessons/{school.lesson.lesson_id}/now")
    visitor.get_by_label("Bruno Keller").check()
    mark(school.lesson, "s-1", "present")
    expect(visitor.locator("#row-s-1")).to_contain_text("present")
    expect(visitor.get_by_label("Bruno Keller")).to_be_checked()
    visitor.get_by_role("searchbox", name="Name").fill("alma")
    expect(visitor.locator("#row-s-2")).to_be_hidden()
    visitor.get_by_role("searchbox", name="Name").fill("")
    expect(visitor.get_by_label("Bruno Keller")).not_to_be_checked()
    visitor.get_by_role("link", name="2 not known yet").click()
    expect(visitor.locator("#row-s-1")).to_be_hidden()
    mark(school.lesson, "s-2", "late")
    expect(visitor.locator("#row-s-2")).to_be_hidden()
    expect(visitor.get_by_role("link", name="1 not known yet")).to_have_attribute(
        "aria-current", "true"
    )
    visitor.get_by_role("link", name="all", exact=True).click()
    pause = visitor.get_by_role("button", name="Pause live updates")
    pause.click()
    with visitor.expect_event("console", lambda line: line.text == "held"):
        visitor.evaluate(
            "document.addEventListener('htmx:before:request', (e) => e.defaultPrevented"
            " && console.log('held'))"
        )
        Mark.objects.update(status="late")
        Change.objects.create(at=datetime.now(UTC), kind="lesson", key="7b/maths/1")
    expect(visitor.locator("#row-s-1")).to_contain_text("present")
    visitor.get_by_role("button", name="Resume live updates").click()
    expect(visitor.locator("#row-s-1")).to_contain_text("late")


def test_a_pause_holds_an_answer_that_is_under_way(
    visitor: Page, address: str, school: School
) -> None:
    """The page asked before the pause; a mark that the answer brings waits for its end."""
    held: list[Route] = []
    page = f"**/lessons/{school.lesson.lesson_id}/now"
    enter(visitor, "alice", address)
    visitor.goto(f"/lessons/{school.lesson.lesson_id}/now")
    visitor.route(page, lambda route: held.append(route))  # noqa: PLW0108  # Playwright marks it
    with visitor.expect_request(page):
        mark(school.lesson, "s-2", "late")
    visitor.get_by_role("button", name="Pause live updates").click()
    mark(school.lesson, "s-1", "present")
    with visitor.expect_event("console", lambda line: line.text == "held"):
        visitor.evaluate(
            "document.addEventListener('htmx:before:swap', (e) => e.defaultPrevented"
            " && console.log('held'))"
        )
        for route in held:
            route.continue_()
    visitor.unroute(page)
    expect(visitor.locator("#row-s-1")).to_contain_text("not known yet")
    visitor.get_by_role("button", name="Resume live updates").click()
    expect(visitor.locator("#row-s-1")).to_contain_text("present")


def test_several_marks_are_mended_with_a_reason(
    visitor: Page, address: str, school: School
) -> None:
    """Choose rows, set a status, read it on the page."""
    enter(visitor, "alice", address)
    visitor.goto(f"/lessons/{school.lesson.lesson_id}/now")
    visitor.get_by_label("Bruno Keller").check()
    visitor.get_by_label("Chen Wei").check()
    expect(visitor.locator("#count")).to_have_text("For the chosen students (2)")
    form = visitor.get_by_role("group", name="For the chosen students (2)")
    form.get_by_label("Status").select_option("excused")
    form.get_by_label("Reason").fill("choir")
    form.get_by_role("button", name="Set the status").click()
    expect(visitor.get_by_text("2 marks changed.")).to_be_visible()
    expect(visitor.locator("#row-s-3")).to_contain_text("excused")
