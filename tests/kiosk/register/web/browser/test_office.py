"""The pages of office and technician, in a browser."""

from datetime import UTC, datetime

from msgspec import structs
from playwright.sync_api import Page, expect

from kiosk.protocol.health import encode_health
from kiosk.register.ingest.store import store
from tests.kiosk.protocol.test_health import HEALTH
from tests.kiosk.register.support import OUTBOX, arrival, event
from tests.kiosk.register.web.browser.steps import enter, sign_in
from tests.kiosk.register.web.support import School


def report(camera: str) -> None:
    """A kiosk reports."""
    now = datetime.now(UTC)
    time = now.isoformat(timespec="milliseconds")
    health = structs.replace(HEALTH, time=time, outbox_id=OUTBOX, last_sequence=0, camera=camera)
    store([arrival(encode_health(health), "health", at=now)], now)


def test_a_kiosk_that_goes_blind_is_seen_without_reload(visitor: Page, school: School) -> None:
    """The technician's page follows the state of a kiosk."""
    assert school
    report("ok")
    sign_in(visitor, "tom")
    row = visitor.get_by_role("row").filter(has_text="school/room-1/kiosk-1")
    expect(row).to_contain_text("works")
    report("black")
    expect(row).to_contain_text("gives no usable picture")


def test_the_bin_fills_without_reload(visitor: Page, school: School) -> None:
    """And a dismissed message leaves it."""
    assert school
    sign_in(visitor, "olga")
    visitor.get_by_role("link", name="Bin").click()
    expect(visitor.get_by_text("The bin is empty")).to_be_visible()
    now = datetime.now(UTC)
    store([arrival(event(1, subject_id="s-99"), at=now)], now)
    expect(visitor.get_by_text("1 is in the bin")).to_be_visible()
    visitor.get_by_label("Choose line 1").check()
    visitor.get_by_label("Why they are not needed").fill("a visitor")
    visitor.get_by_role("button", name="Dismiss").click()
    expect(visitor.get_by_text("The bin is empty")).to_be_visible()


def test_a_roster_with_a_mistake_is_corrected_and_imported(visitor: Page, school: School) -> None:
    """The mistake is named by its line; the corrected file says what it changes."""
    assert school
    sign_in(visitor, "olga")
    for text, seen in ((",Eva Paz,7b", "1 problem"), ("s-5,Eva Paz,7b", "New students: 1")):
        visitor.get_by_role("link", name="Import").click()
        roster = visitor.get_by_role("form", name="Students and classes")
        content = f"id,name,class\n{text}\n".encode()
        file = {"name": "list.csv", "mimeType": "text/csv", "buffer": content}
        roster.get_by_label("File").set_input_files(file)  # type: ignore[arg-type] # a TypedDict
        roster.get_by_role("button", name="Look at it").click()
        expect(visitor.get_by_text(seen)).to_be_visible()
    visitor.get_by_role("button", name="Import", exact=True).click()
    expect(visitor.get_by_text("Imported.")).to_be_visible()


def test_consents_of_a_class_are_recorded_with_one_form(
    visitor: Page, address: str, school: School
) -> None:
    """Choose students, say who gave it and which text; the list says so."""
    assert school
    enter(visitor, "olga", address)
    visitor.goto("/consents?class=7b")
    visitor.get_by_label("Alma Ibarra").check()
    visitor.get_by_label("Given by").fill("the mother")
    visitor.get_by_label("Version of the text").fill("2026-01")
    visitor.get_by_role("button", name="Record").click()
    expect(visitor.get_by_text("1 consent is recorded.")).to_be_visible()
    expect(visitor.get_by_role("row", name="Alma Ibarra")).to_contain_text("agreed")
