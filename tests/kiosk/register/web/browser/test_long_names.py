"""On a phone, a long name hides nothing: it wraps, and what stands beside it stays in reach."""

import pytest
from playwright.sync_api import Browser, ViewportSize

from kiosk.register.models import Account, Kiosk, Lesson, Outbox, Person, SchoolClass, Term
from tests.kiosk.register.web.browser.steps import enter
from tests.kiosk.register.web.browser.tour import STOPS, furnish
from tests.kiosk.register.web.support import School, mark
from tests.kiosk.register.web.test_history import earlier

PHONE: ViewportSize = {"width": 360, "height": 740}
LONG = "Wolfeschlegelsteinhausenbergerdorff-"
"""36 letters without a space."""
TOO_WIDE = """() => [...document.querySelectorAll("html, main *")].filter(one => {
  const scrolls = one.matches(".scroll:has(table:not(.narrow)), pre, input, select, textarea");
  const isSeen = !one.closest(".visually-hidden, table.narrow thead");
  const isBox = getComputedStyle(one).display !== "inline";
  return isSeen && isBox && !scrolls && one.scrollWidth > one.clientWidth + 1;
}).map(one => `${one.tagName}.${one.className} has ${one.scrollWidth} of ${one.clientWidth}`)"""
"""Boxes with more in them than they show, apart from those that are there to be scrolled."""
HIDDEN_CELLS = """() => [...document.querySelectorAll("table.days tbody td")].filter(cell => {
  const region = cell.closest(".scroll");
  region.scrollLeft = 0;
  region.scrollLeft = cell.getBoundingClientRect().right - region.getBoundingClientRect().right;
  const name = cell.closest("tr").querySelector("th").getBoundingClientRect();
  return cell.getBoundingClientRect().left < name.right;
}).length"""
"""How many days cannot be scrolled beside the name."""


@pytest.fixture
def long_names(school: School) -> dict[str, str]:
    """Everything that has a name, with a long one."""
    places = furnish(school)
    Person.objects.update(name=LONG)
    Person.objects.filter(pk="s-2").update(name=f"Ana {LONG}")
    SchoolClass.objects.update(title=LONG)
    Lesson.objects.update(title=LONG, room=LONG)
    Kiosk.objects.update(kiosk="k" * 60)
    Outbox.objects.update(kiosk="k" * 60)
    Account.objects.update(first_name=LONG)
    Term.objects.update(title=LONG)
    return places


@pytest.mark.slow
def test_no_page_grows_wider_than_a_phone(
    browser: Browser, address: str, long_names: dict[str, str]
) -> None:
    """Names of students, classes, lessons, rooms, kiosks, accounts and terms wrap on every page."""
    faults: list[str] = []
    for account in dict.fromkeys(one for one, _ in STOPS):
        with browser.new_context(base_url=address, locale="en-GB", viewport=PHONE) as context:
            page = context.new_page()
            if account:
                enter(page, account, address)
            for path in (path for one, path in STOPS if one == account):
                page.goto(path.format(**long_names).replace("/kiosk-1", f"/{'k' * 60}"))
                faults += [f"{path}: {fault}" for fault in page.evaluate(TOO_WIDE)]
    assert not faults


def test_every_day_of_a_class_can_be_seen_beside_a_long_name(
    browser: Browser, address: str, school: School
) -> None:
    """The names stay at the side and leave more than half of a phone to the marks."""
    for days in range(1, 9):
        mark(earlier(school.lesson, days), "s-1", "absent")
    Person.objects.filter(pk="s-1").update(name=LONG)
    with browser.new_context(base_url=address, locale="en-GB", viewport=PHONE) as context:
        page = context.new_page()
        enter(page, "alice", address)
        page.goto("/classes/7b/days")
        assert page.locator("table.days tbody td").count() == 3 * (9 + 3)
        assert page.evaluate(HIDDEN_CELLS) == 0
        name = page.locator("table.days tbody th", has_text=LONG).bounding_box()
        assert name is not None
        assert name["width"] < PHONE["width"] / 2
