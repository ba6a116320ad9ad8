"""The page of a lesson, in a browser."""

import re
import time
from datetime import UTC, datetime

from django.contrib.sessions.models import Session
from playwright.sync_api import Page, Route, expect

from kiosk.register.alphabet import folded
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


def test_the_page_and_the_register_read_a_name_alike(
    visitor: Page, address: str, school: School
) -> None:
    """Each letter that either of them makes plain; and a search without a hit says so."""
    enter(visitor, "alice", address)
    visitor.goto(f"/lessons/{school.lesson.lesson_id}/now")
    latin = [chr(number) for number in range(0x20, 0x250)]
    assert visitor.evaluate("(texts) => texts.map(plain)", latin) == [folded(one) for one in latin]
    search = visitor.get_by_role("searchbox", name="Name")
    nobody = visitor.get_by_text("Nobody in this lesson has this name or status.")
    search.fill("zoe")
    expect(nobody).to_be_visible()
    search.fill("alma")
    expect(visitor.locator("#row-s-1")).to_be_visible()
    expect(nobody).to_have_count(0)


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


def changed(school: School, subject_id: str, status: str) -> None:
    """Change a mark as another person or a rule would, and tell open pages."""
    made = Mark.objects.get(lesson=school.lesson, person=subject_id)
    Mark.objects.filter(pk=made.pk).update(status=status, version=made.version + 1)
    Change.objects.create(at=datetime.now(UTC), kind="lesson", key=school.lesson.lesson_id)


def test_what_a_live_update_brings_is_not_overwritten(
    visitor: Page, address: str, school: School
) -> None:
    """A chosen row that changes meanwhile is marked, and kept until it is chosen again."""
    mark(school.lesson, "s-2", "absent")
    enter(visitor, "alice", address)
    visitor.goto(f"/lessons/{school.lesson.lesson_id}/now")
    box, row = visitor.get_by_label("Bruno Keller"), visitor.locator("#row-s-2")
    box.check()
    for status in ("late", "excused"):
        changed(school, "s-2", status)
        expect(row).to_contain_text(status)
    expect(row).to_have_class("stale")
    visitor.get_by_role("button", name="Present: seen in the room").click()
    expect(visitor.get_by_text("Somebody else has changed a mark meanwhile")).to_be_visible()
    expect(row).to_contain_text("excused")
    changed(school, "s-2", "late")
    expect(row).to_contain_text("late")
    box.uncheck()
    box.check()
    visitor.get_by_role("button", name="Present: seen in the room").click()
    expect(visitor.get_by_text("1 mark changed.")).to_be_visible()
    expect(row).to_contain_text("present")


def test_a_double_click_gives_one_point(visitor: Page, address: str, school: School) -> None:
    """The second click, which comes before the answer, sends nothing."""
    enter(visitor, "alice", address)
    visitor.goto(f"/lessons/{school.lesson.lesson_id}/now")
    visitor.get_by_label("Bruno Keller").check()
    visitor.route("**/points", continue_late)
    visitor.get_by_role("button", name="Give a point").dblclick()
    expect(visitor.get_by_text("The points are stored.")).to_be_visible()
    expect(visitor.locator("#row-s-2")).to_contain_text("1 point")
    visitor.get_by_label("Bruno Keller").check()
    visitor.get_by_role("button", name="Give a point").click()
    expect(visitor.locator("#row-s-2")).to_contain_text("2 points")


def test_a_live_page_without_a_session_asks_to_sign_in(
    visitor: Page, address: str, school: School
) -> None:
    """The form is a page of its own, and leads back."""
    enter(visitor, "alice", address)
    visitor.goto(f"/lessons/{school.lesson.lesson_id}/now")
    expect(visitor.locator("#row-s-1")).to_contain_text("not known yet")
    Session.objects.all().delete()
    mark(school.lesson, "s-1", "present")
    expect(visitor).to_have_url(re.compile(r"/sign-in\?next="))
    expect(visitor.get_by_role("link", name="Classes")).to_have_count(0)
    sign_in(visitor, "alice")
    expect(visitor.locator("#row-s-1")).to_contain_text("present")


def test_who_signs_out_leaves_no_tab_with_names(
    visitor: Page, address: str, school: School
) -> None:
    """Somebody else sits at a shared computer next."""
    enter(visitor, "alice", address)
    other = visitor.context.new_page()
    other.goto(f"/lessons/{school.lesson.lesson_id}/now")
    expect(other.get_by_label("Alma Ibarra")).to_be_visible()
    visitor.goto("/now")
    visitor.get_by_role("button", name="Sign out").click()
    expect(visitor.get_by_label("Password")).to_be_visible()
    expect(other.get_by_label("Password")).to_be_visible()
    assert "Alma Ibarra" not in other.content()


def test_a_live_page_says_that_the_register_does_not_answer(
    visitor: Page, address: str, school: School
) -> None:
    """What it shows stays, and is not the page of an error; an answer takes the words back."""
    away = visitor.get_by_text("The register does not answer: what this page shows may be old.")
    enter(visitor, "alice", address)
    # The page asks once more when it is connected; that answer must not come later.
    with visitor.expect_response(lambda found: "hx-request" in found.request.headers):
        visitor.goto(f"/lessons/{school.lesson.lesson_id}/now")
    expect(visitor.locator("#row-s-1")).to_contain_text("not known yet")
    expect(away).to_be_hidden()
    visitor.route("**/now", lambda route: route.fulfill(status=502, body="Bad Gateway"))
    mark(school.lesson, "s-1", "present")
    expect(away).to_be_visible()
    expect(visitor.locator("#row-s-1")).to_contain_text("not known yet")
    visitor.unroute("**/now")
    mark(school.lesson, "s-2", "late")
    expect(visitor.locator("#row-s-1")).to_contain_text("present")
    expect(away).to_be_hidden()
    visitor.context.set_offline(True)
    expect(away).to_be_visible()


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
