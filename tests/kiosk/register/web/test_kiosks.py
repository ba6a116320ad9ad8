"""The pages of the kiosks."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from kiosk.protocol.availability import Availability, encode_availability
from kiosk.protocol.health import Health, encode_health
from kiosk.register.ingest.heartbeat import beat
from kiosk.register.ingest.store import store
from kiosk.register.models import (
    BinEntry,
    Blind,
    Change,
    Event,
    Kiosk,
    KioskAlert,
    Lesson,
    Mark,
    Publication,
)
from tests.kiosk.protocol.test_health import HEALTH
from tests.kiosk.register.marking.support import work
from tests.kiosk.register.support import DOOR, OUTBOX, arrival, event
from tests.kiosk.register.web.support import School, client_of

ADDRESS = "/kiosks/school/room-1/kiosk-1"


@pytest.fixture
def now(school: School) -> datetime:
    assert school
    return datetime.now(UTC)


def hear(now: datetime, **changes: object) -> None:
    """A kiosk reports."""
    facts = {
        "outbox_id": OUTBOX,
        "last_sequence": 0,
        "time": now.isoformat(timespec="milliseconds"),
    }
    health: Health = structs.replace(HEALTH, **(facts | changes))
    store([arrival(encode_health(health), "health", at=now)], now)


def text(address: str = "/kiosks", account: str = "tom") -> str:
    return " ".join(client_of(account).get(address).content.decode().split())


def test_without_a_kiosk_the_page_says_what_to_do(now: datetime) -> None:
    """In words, without an empty table."""
    assert now
    assert "No kiosk was heard yet" in text()
    assert "<table" not in text()


def test_a_kiosk_that_is_well_is_complete_until_its_report(now: datetime) -> None:
    """State, completeness, enrolled people and version are on one line."""
    hear(now)
    page = text()
    assert "All work." in page
    assert "complete until" in page
    assert '<td data-label="Version">0.3</td>' in page
    assert ">12</td>" in page


def test_a_silent_kiosk_is_offline_and_its_events_are_expected(now: datetime) -> None:
    """It says since when, and how many events are known to be missing."""
    then = now - timedelta(hours=1)
    hear(then, last_sequence=12)
    page = text()
    assert "offline since" in page
    assert "12 events expected" in page
    assert "1 does not work" in page


def test_while_the_register_is_away_no_kiosk_is_blamed(now: datetime) -> None:
    """The page says so instead, and shows what was known then."""
    then = now - timedelta(hours=1)
    hear(then)
    beat("register-1", then)
    page = text()
    assert "The register has received nothing since" in page
    assert "offline since" not in page
    assert "All work." not in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"camera": "black"}, "gives no usable picture"),
        ({"people": 0}, "nobody is enrolled on it"),
        ({"dropped": 3}, "deleted events that were never sent"),
        ({"in_memory": 3}, "cannot store events"),
        ({"set_aside": 1}, "damaged events"),
        ({"clock": "unsynchronised"}, "clock is not synchronised"),
        ({"under_voltage": True}, "power supply is too weak"),
        ({"disk_free_mb": 20}, "disk is nearly full"),
        ({"temperature_c": 84.0}, "too hot"),
        ({"faces_seen": 200, "faces_refused": {"too dark": 180}}, "refuses most faces"),
    ],
)
def test_what_a_kiosk_reports_is_told(
    now: datetime, changes: dict[str, object], words: str
) -> None:
    """Each fault has its words, in the list and on the kiosk's own page."""
    hear(now, **changes)
    assert words in text()
    assert words in text(ADDRESS)


def test_what_a_kiosk_refuses_is_shown_in_shares(now: datetime) -> None:
    """With what helps against it."""
    hear(now, faces_seen=40, faces_refused={"blurred": 10, "of a newer kiosk": 2})
    page = text(ADDRESS)
    assert "25 %" in page
    assert "Clean or focus the lens" in page
    assert "of a newer kiosk" in page


def test_a_report_that_is_not_understood_is_told(now: datetime) -> None:
    """A newer kiosk may report otherwise; the page opens."""
    store([arrival(b'{"last_sequence": 3}', "health", at=now)], now)
    assert "its report is not understood" in text()
    assert "Nothing that this register understands" in text(ADDRESS)


def test_a_kiosk_without_a_report_is_shown(now: datetime) -> None:
    """Listed, or known by its events alone."""
    store([arrival(event(1, subject_id="s-1"), at=now)], now)
    Kiosk.objects.create(site="school", room="room-9", kiosk="kiosk-9", is_listed=True)
    assert text().count("says nothing about itself") == 2
    assert "Last event" in text(ADDRESS)
    assert client_of("tom").get("/kiosks/school/room-9/kiosk-8").status_code == 404


def test_alerts_and_blind_times_are_listed(now: datetime) -> None:
    """Open ones first, past ones with their end, and when the register itself was away."""
    names = {"site": "school", "room": "room-1", "kiosk": "kiosk-1"}
    hear(now)
    then = now - timedelta(hours=2)
    KioskAlert.objects.create(**names, kind="silent", begin=then, end=now)
    KioskAlert.objects.create(**names, kind="blind", begin=now)
    Blind.objects.create(begin=then, end=now)
    page = text()
    assert page.index("without a picture in lesson time") < page.index("silent in lesson time")
    assert "Blind from" in page
    assert text(ADDRESS).count("in lesson time") == 2


def test_open_pages_hear_once_a_minute_and_of_each_new_state(now: datetime) -> None:
    """A report that says the same within a minute is no news; going offline is."""

    def news() -> int:
        count = Change.objects.filter(kind="kiosk", key="school/room-1/kiosk-1").count()
        Change.objects.all().delete()
        return count

    hear(now)
    assert news() == 1
    hear(now + timedelta(seconds=20), faces_seen=20, waiting=5)
    assert news() == 0
    hear(now + timedelta(seconds=30), camera="lost")
    assert news() == 1
    hear(now + timedelta(seconds=95), camera="lost")
    assert news() == 1
    offline = encode_availability(Availability(state="offline", boot_id="b", version="0.3"))
    for expected in (1, 0):
        store([arrival(offline, "availability", address=DOOR, at=now)], now)
        assert news() == expected


@pytest.mark.parametrize("account", ["tom", "olga", "ada"])
def test_a_kiosk_is_taken_out_of_service_and_put_back(now: datetime, account: str) -> None:
    """It is shown apart, its alert ends, and open pages hear of it."""
    hear(now)
    KioskAlert.objects.create(
        site="school", room="room-1", kiosk="kiosk-1", kind="silent", begin=now
    )
    client = client_of(account)
    assert client.post(f"{ADDRESS}/service", {"do": "take-out"}).status_code == 302
    row = Kiosk.objects.get()
    assert row.retired_at is not None
    assert row.retired_by is not None
    assert row.retired_by.username == account
    assert not KioskAlert.objects.filter(end=None).exists()
    page = text()
    assert "Out of service" in page
    assert "0 kiosks." in page
    assert "Out of service since" in text(ADDRESS)
    assert Change.objects.filter(kind="kiosk", key="school/room-1/kiosk-1").exists()
    client.post(f"{ADDRESS}/service", {"do": "put-back"})
    assert Kiosk.objects.get().retired_at is None
    assert "Out of service" not in text()


def test_a_kiosk_that_was_never_heard_is_in_no_service(now: datetime) -> None:
    """A mistyped address makes no kiosk."""
    assert now
    assert client_of("tom").post(f"{ADDRESS}/service", {"do": "take-out"}).status_code == 404
    assert not Kiosk.objects.exists()


def test_a_kiosk_that_is_not_in_the_list_is_added(now: datetime) -> None:
    """Then its events in the bin are processed again, those of other kiosks not."""
    hear(now)
    assert "not in the list" not in text(ADDRESS)
    Kiosk.objects.create(site="school", room="room-2", kiosk="kiosk-2", is_listed=True)
    store([arrival(event(1), at=now)], now)
    assert "not in the list of kiosks" in text(ADDRESS)
    client_of("olga").post(f"{ADDRESS}/service", {"do": "admit"})
    assert Kiosk.objects.filter(is_listed=True).count() == 2
    assert BinEntry.objects.get().due_at is not None
    assert "not in the list" not in text(ADDRESS)


def test_a_kiosk_is_given_a_room_of_the_timetable(now: datetime, school: School) -> None:
    """Lessons and events of that room follow, the kiosk is told; and all back again."""
    hear(now)
    Lesson.objects.filter(pk=school.lesson.pk).update(room="Sala 7")
    time = now.isoformat(timespec="milliseconds")
    store([arrival(event(1, subject_id="s-1", time=time), at=now)], now)
    work(now)
    assert Event.objects.get().placing == "no lesson"
    assert "<option>Sala 7</option>" in text(ADDRESS)
    client = client_of("olga")
    assert client.post(f"{ADDRESS}/room", {"title": "Sala 8"}).status_code == 404
    assert client.post(f"{ADDRESS}/room", {"title": "Sala 7"}).status_code == 302
    work(now)
    assert Event.objects.get().placing == "placed"
    assert Mark.objects.get().status in {"present", "late"}
    lesson = Lesson.objects.get(pk=school.lesson.pk)
    assert (lesson.room, lesson.room_title) == ("room-1", "Sala 7")
    topic = "kiosk/v1/school/room-1/kiosk-1/timetable"
    told = Publication.objects.filter(topic=topic).order_by("pk").last()
    assert told is not None
    assert b"7b/maths/1" in bytes(told.payload)
    assert "In the timetable: Sala 7" in text(ADDRESS)
    client.post(f"{ADDRESS}/room", {"title": "Sala 7", "do": "take-back"})
    work(now)
    assert Lesson.objects.get(pk=school.lesson.pk).room == "Sala 7"
    assert (Event.objects.get().placing, Mark.objects.get().status) == ("no lesson", "not-known")
