"""A day at school: what teachers, the office and an administrator do, on a phone and at a desk."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import structs
from playwright.sync_api import Browser, Page, expect

from kiosk.protocol.health import encode_health
from kiosk.protocol.topics import KioskAddress
from kiosk.register.config import RegisterConfig
from kiosk.register.ingest.store import store
from kiosk.register.marking.corrections import set_marks
from kiosk.register.marking.participation import give_points
from kiosk.register.models import Account, ParticipationPoint, Role, Taken
from kiosk.register.rules.codes import Code
from kiosk.register.rules.settings import RuleSettings
from tests.kiosk.protocol.test_health import HEALTH
from tests.kiosk.register.support import OUTBOX, arrival
from tests.kiosk.register.web.browser.steps import enter
from tests.kiosk.register.web.support import School, mark

WIDTHS = [1280, pytest.param(360, marks=pytest.mark.slow)]


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    """A tab, as wide as a desk's screen or a phone's."""
    size = {"width": request.param, "height": 740}
    with browser.new_context(base_url=address, locale="en-GB", viewport=size) as context:  # type: ignore[arg-type] # a TypedDict
        page = context.new_page()
        page.set_default_timeout(30_000)
        yield page
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def open_class(page: Page, address: str, school: School) -> None:
    enter(page, "alice", address)
    page.goto(f"/lessons/{school.lesson.lesson_id}/now")


def test_who_comes_late_is_seen_and_mended(page: Page, address: str, school: School) -> None:
    """The page stays at the row; the change and its undo are on the student's page."""
    open_class(page, address, school)
    row = page.locator("#row-s-2")
    expect(row).to_contain_text("not known yet")
    mark(school.lesson, "s-2", "late")
    expect(row).to_contain_text("late")
    page.get_by_label("Bruno Keller").check()
    form = page.get_by_role("group", name="For the chosen students (1)")
    form.get_by_label("Status").select_option("excused")
    form.get_by_label("Reason").fill("the bus")
    form.get_by_role("button", name="Set the status").click()
    expect(page.get_by_text("1 mark changed.")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Undo")).to_be_in_viewport()
    expect(row).to_be_in_viewport()
    row.get_by_role("link").click()
    expect(page.get_by_role("cell", name="the bus")).to_be_visible()
    page.get_by_label("Reason").fill("the wrong row")
    page.get_by_role("button", name="Undo the last change").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("late")


def test_a_page_that_is_stale_stores_nothing(page: Page, address: str, school: School) -> None:
    """It shows what another person has set, and what was typed stays."""
    open_class(page, address, school)
    page.get_by_role("button", name="Pause live updates").click()
    page.get_by_label("Bruno Keller").check()
    now, olga = datetime.now(UTC), Account.objects.get(username="olga")
    settings = RuleSettings()
    set_marks(school.lesson, {"s-2": 0}, Code.LATE, "bus", account=olga, settings=settings, now=now)
    form = page.get_by_role("group", name="For the chosen students (1)")
    form.get_by_label("Status").select_option("absent")
    form.get_by_label("Reason").fill("not seen")
    form.get_by_role("button", name="Set the status").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else has changed a mark")
    expect(page.locator("#row-s-2")).to_contain_text("late")
    expect(form.get_by_label("Reason")).to_have_value("not seen")
    expect(page.get_by_label("Bruno Keller")).to_be_checked()
    expect(page.locator("#row-s-2.stale")).to_be_visible()


def test_points_are_seen_and_the_register_is_taken(
    page: Page, address: str, school: School
) -> None:
    """A window is opened and closed, a point comes by itself or by hand."""
    open_class(page, address, school)
    page.get_by_role("button", name="Open participation").click()
    expect(page.get_by_text("Participation is open since")).to_be_visible()
    alice = Account.objects.get(username="alice")
    give_points(school.lesson, ["s-1"], 1, "", account=alice, now=datetime.now(UTC))
    expect(page.locator("#row-s-1")).to_contain_text("1 point")
    page.get_by_role("button", name="Close participation").click()
    expect(page.get_by_role("button", name="Open participation")).to_be_visible()
    page.get_by_label("Alma Ibarra").check()
    page.get_by_role("button", name="Give a point").click()
    expect(page.locator("#row-s-1")).to_contain_text("2 points")
    page.get_by_role("button", name="Take the register").click()
    expect(page.get_by_text("3 students are not known yet.")).to_be_visible()
    assert (Taken.objects.count(), ParticipationPoint.objects.count()) == (1, 2)


@pytest.mark.slow
def test_a_camera_that_goes_dark_is_said_to_the_class(
    page: Page, address: str, school: School
) -> None:
    """Instead of absences, and without reload."""
    open_class(page, address, school)
    expect(page.get_by_text("No kiosk of room-7 was heard yet.")).to_be_visible()
    now = datetime.now(UTC)
    facts = {"time": now.isoformat(timespec="milliseconds"), "outbox_id": OUTBOX}
    said = structs.replace(HEALTH, camera="black", last_sequence=0, **facts)
    door = KioskAddress("school", "room-7", "kiosk-1")
    store([arrival(encode_health(said), "health", address=door, at=now)], now)
    page.reload()
    expect(page.get_by_text("kiosk-1 gives no usable picture")).to_be_visible()
    well = structs.replace(said, camera="ok")
    store([arrival(encode_health(well), "health", address=door, at=now)], now)
    expect(page.get_by_text("kiosk-1 gives no usable picture")).to_be_hidden()


@pytest.mark.slow
def test_cards_are_issued_and_printed(page: Page, address: str, school: School) -> None:
    """The sheet is a PDF of the class; a card that is lost is revoked."""
    assert school
    enter(page, "olga", address)
    page.goto("/cards?class=7b")
    page.get_by_role("button", name="Issue where there is none").click()
    expect(page.get_by_text("3 cards issued.")).to_be_visible()
    with page.expect_download() as printed:
        page.get_by_role("button", name="Print as PDF").click()
    assert Path(printed.value.path()).read_bytes().startswith(b"%PDF-")
    page.get_by_label("Alma Ibarra").check()
    page.get_by_role("button", name="Revoke", exact=True).click()
    expect(page.get_by_text("1 card revoked.")).to_be_visible()


@pytest.mark.slow
def test_marks_are_handed_on(page: Page, address: str, school: School) -> None:
    """A teacher chooses a class, sees what a file leaves out, and has it."""
    mark(school.lesson, "s-1", "present")
    enter(page, "alice", address)
    page.goto("/exports")
    page.get_by_label("Class").select_option("7B")
    page.get_by_role("button", name="Show the files").click()
    with page.expect_download() as file:
        page.get_by_role("link", name="Download Marks").click()
    assert "Alma Ibarra" in Path(file.value.path()).read_text("utf-8-sig")
    assert file.value.suggested_filename.endswith(".csv")


@pytest.mark.slow
class TestEmpty:
    """A new system."""

    @pytest.fixture
    def database_file(self, empty_file: Path) -> Path:
        return empty_file

    def test_it_is_set_up_step_by_step(
        self, page: Page, address: str, config: RegisterConfig
    ) -> None:
        """Roster, timetable, kiosk, colleagues: the list shows what is done, at the end all."""
        assert config
        Account.objects.create_user("ada", role=Role.ADMINISTRATOR)
        enter(page, "ada", address)
        page.goto("/")
        expect(page.get_by_text("6 steps are open.")).to_be_visible()
        page.get_by_role("link", name="Go there (Students and classes)").click()
        _import(page, "Students and classes", "id,name,class\ns-1,Alma Ibarra,7B\n")
        today = datetime.now(UTC).date()
        _import(
            page,
            "Timetable",
            f"class,room,start,end,from\n7B,room-7,00:00,24:00,{today}\n",
        )
        page.get_by_role("link", name="Set up").click()
        expect(page.get_by_text("4 steps are open.")).to_be_visible()
        now = datetime.now(UTC)
        facts = {"time": now.isoformat(timespec="milliseconds"), "outbox_id": OUTBOX}
        said = structs.replace(HEALTH, last_sequence=0, **facts)
        store([arrival(encode_health(said), "health", at=now)], now)
        expect(page.get_by_text("2 steps are open.")).to_be_visible()
        page.get_by_role("link", name="Go there (Accounts)").click()
        page.get_by_label("User name").fill("alice")
        page.get_by_label("7B").check()
        page.get_by_role("button", name="Invite").click()
        assert "/invitation/" in page.get_by_label("Link").input_value()
        page.get_by_role("link", name="Set up").click()
        expect(page.get_by_text("All is done.")).to_be_visible()


def _import(page: Page, what: str, text: str) -> None:
    form = page.get_by_role("form", name=what)
    file = {"name": "list.csv", "mimeType": "text/csv", "buffer": text.encode()}
    form.get_by_label("File").set_input_files(file)  # type: ignore[arg-type] # a TypedDict
    if what == "Timetable":
        form.get_by_label("Site").fill("school")
    form.get_by_role("button", name="Look at it").click()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Imported.")).to_be_visible()
