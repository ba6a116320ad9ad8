"""What the time alone brings about, on each kind of database."""

from datetime import timedelta

import msgspec
import pytest

from kiosk.protocol.participation import decode_window
from kiosk.protocol.topics import KioskAddress
from kiosk.register.ingest.store import store
from kiosk.register.marking.corrections import set_marks
from kiosk.register.marking.participation import close_window, open_window
from kiosk.register.marking.rederive import rederive
from kiosk.register.marking.sweeping import Sweeper
from kiosk.register.models import (
    Account,
    Blind,
    Change,
    Kiosk,
    KioskAlert,
    Lesson,
    MarkChange,
    Outbox,
    ParticipationWindow,
    Publication,
)
from kiosk.register.office.kiosk_view import set_service
from kiosk.register.rules.codes import Code
from kiosk.register.rules.settings import RuleSettings
from tests.kiosk.register.marking.support import (
    END,
    history,
    make_class,
    make_lesson,
    marker_at,
    marks,
    minutes,
    place,
    report,
    scan,
    sweep,
)
from tests.kiosk.register.support import DOOR, OTHER_OUTBOX, arrival

pytestmark = pytest.mark.usefixtures("database")


def test_who_was_not_seen_is_absent_when_the_door_is_complete() -> None:
    """Only then; until then nobody is absent, however long ago the lesson was."""
    make_lesson(make_class("s-1", "s-2"))
    scan(1, "s-1", minutes(2))
    place(minutes(3))
    sweep(minutes(50))
    assert marks() == {"s-1": "present"}
    assert Lesson.objects.get().swept_at is None
    report(1, minutes(46))
    sweep(minutes(51))
    sweep(minutes(52))
    assert marks() == {"s-1": "present", "s-2": "absent"}
    assert history("s-2") == [("not-known", "absent", 1)]
    assert Lesson.objects.get().swept_at == minutes(51)


def test_an_event_after_the_decision_takes_the_absence_back() -> None:
    """Events that were replayed derive the mark again."""
    make_lesson(make_class("s-1"))
    report(0, minutes(46))
    sweep(minutes(47))
    scan(1, "s-1", minutes(3), arrives=minutes(90))
    place(minutes(91))
    assert history("s-1") == [("not-known", "absent", 1), ("absent", "present", 2)]


def test_a_lost_outbox_does_not_keep_a_lesson_open() -> None:
    """The outbox that the kiosk uses now says how complete it is."""
    make_lesson(make_class("s-1"))
    report(7, minutes(-600), OTHER_OUTBOX)
    report(0, minutes(46))
    sweep(minutes(47))
    assert marks() == {"s-1": "absent"}


def test_who_stays_in_the_room_is_present_when_the_next_lesson_begins() -> None:
    """Nobody passes the door, so no event derives it."""
    school_class = make_class("s-1")
    make_lesson(school_class)
    make_lesson(school_class, "art", start=END)
    scan(1, "s-1", minutes(2))
    place(minutes(3))
    sweeper = Sweeper(RuleSettings(), (), minutes(40))
    sweeper.sweep(minutes(44))
    assert marks("art") == {}
    sweeper.sweep(minutes(45.1))
    assert marks("art") == {"s-1": "present"}


def _alerts() -> list[tuple[str, bool]]:
    return [(one.kind, one.end is not None) for one in KioskAlert.objects.order_by("id")]


def test_a_kiosk_that_falls_silent_in_lesson_time_gives_one_alert_until_it_is_back() -> None:
    """The register was at work all the time; nothing is said twice."""
    make_lesson(make_class("s-1"))
    report(0, minutes(0))
    for at in (4, 15, 16):
        sweep(minutes(at), since=minutes(-600))
    assert _alerts() == [("silent", False)]
    report(0, minutes(20))
    sweep(minutes(20.1), since=minutes(-600))
    assert _alerts() == [("silent", True)]
    assert set(Change.objects.values_list("kind", "key")) == {("kiosk", "school/room-1/kiosk-1")}


def test_a_covered_camera_gives_an_alert() -> None:
    """It goes on to send frames and health; the first word of it counts."""
    make_lesson(make_class("s-1"))
    sweeper = Sweeper(RuleSettings(), (), minutes(-600))
    for at in range(12):
        payload = b'{"camera": "covered", "last_frame_age_s": 0.1}'
        store([arrival(payload, "health", at=minutes(at))], minutes(at))
        sweeper.sweep(minutes(at))
    assert _alerts() == [("blind", False)]


def test_there_is_no_alert_while_the_register_has_just_come_back() -> None:
    """It knows nothing of any kiosk then."""
    make_lesson(make_class("s-1"))
    report(0, minutes(0))
    Blind.objects.create(begin=minutes(1), end=minutes(14))
    sweep(minutes(15), since=minutes(-600))
    sweep(minutes(16), since=minutes(15))
    assert _alerts() == []


def test_a_window_closes_with_its_lesson_and_the_kiosk_is_told() -> None:
    """Open and closed are retained messages for each kiosk of the room; the newest one counts."""
    lesson = make_lesson(make_class("s-1"))
    Kiosk.objects.create(site=DOOR.site, room=DOOR.room, kiosk=DOOR.kiosk)
    teacher = Account.objects.create_user("alice")
    assert open_window(lesson, teacher, minutes(5))
    assert not open_window(lesson, teacher, minutes(6))
    sweep(minutes(10))
    assert ParticipationWindow.objects.get().closed_at is None
    sweep(END + timedelta(seconds=1))
    assert ParticipationWindow.objects.get().closed_at == END
    assert not close_window(lesson, minutes(60))
    said = [decode_window(bytes(one.payload)) for one in Publication.objects.order_by("id")]
    assert [(one.state, one.session) for one in said] == [("open", "maths"), ("closed", "maths")]
    assert {one.topic for one in Publication.objects.all()} == {
        "kiosk/v1/school/room-1/kiosk-1/participation-window"
    }


def test_a_window_closes_when_another_class_opens_one_in_the_room() -> None:
    """A kiosk knows one window."""
    first = make_lesson(make_class("s-1"))
    second = make_lesson(make_class("s-2", class_id="8a"), "art")
    teacher = Account.objects.create_user("alice")
    open_window(first, teacher, minutes(5))
    open_window(second, teacher, minutes(6))
    opened = ParticipationWindow.objects.filter(closed_at=None)
    assert [one.lesson_id for one in opened] == ["art"]


def test_old_changes_are_deleted() -> None:
    """Open pages have seen them."""
    Change.objects.create(at=minutes(-60 * 25), kind="lesson", key="old")
    Change.objects.create(at=minutes(-1), kind="lesson", key="new")
    sweep(minutes(0))
    assert list(Change.objects.values_list("key", flat=True)) == ["new"]


STRICT = RuleSettings(late_after_min=3)


def _decided_by_five_minutes() -> None:
    """Two lessons; one student came 5 minutes late to the first, one was corrected."""
    school_class = make_class("s-1", "s-2")
    make_lesson(school_class)
    make_lesson(school_class, "art", start=END + timedelta(minutes=30))
    scan(1, "s-1", minutes(5))
    scan(2, "s-2", minutes(5))
    place(minutes(6))
    report(2, minutes(46))
    sweep(minutes(47))
    assert marks() == {"s-1": "present", "s-2": "present"}


def test_changed_rules_do_not_rewrite_what_was_decided() -> None:
    """Neither a new process, nor the next lesson, nor an event of the next lesson."""
    _decided_by_five_minutes()
    scan(3, "s-1", END + timedelta(minutes=34))
    marker_at(minutes(80), STRICT).place_new()
    Sweeper(STRICT, (), minutes(80)).sweep(minutes(81))
    assert marks() == {"s-1": "present", "s-2": "present"}
    assert marks("art") == {"s-1": "late"}


def test_an_event_after_the_decision_is_judged_by_the_rules_of_the_decision() -> None:
    """A student whose event comes late is treated as the others were."""
    school_class = make_class("s-1", "s-2")
    make_lesson(school_class)
    report(0, minutes(46))
    sweep(minutes(47))
    scan(1, "s-1", minutes(5), arrives=minutes(90))
    marker_at(minutes(91), STRICT).place_new()
    assert marks() == {"s-1": "present", "s-2": "absent"}


def test_who_asks_for_it_gets_the_past_decided_again() -> None:
    """As changes with the reason; a correction stays, and a dry run writes nothing."""
    _decided_by_five_minutes()
    lesson = Lesson.objects.get(pk="maths")
    office = Account.objects.create_user("olga", role="office")
    set_marks(
        lesson, {"s-2": 1}, Code.EXCUSED, "doctor",
        account=office, settings=RuleSettings(), now=minutes(50),
    )  # fmt: skip
    day, now = lesson.date, minutes(100)
    would = rederive(day, day, STRICT, now, "", dry_run=True)
    assert [(one.person_id, one.before, one.after) for one in would.changes] == [
        ("s-1", "present", "late")
    ]
    assert marks() == {"s-1": "present", "s-2": "excused"}
    done = rederive(day, day, STRICT, now, "3 minutes since September", dry_run=False)
    assert (done.lessons, done.waiting) == (1, ())
    assert marks() == {"s-1": "late", "s-2": "excused"}
    change = MarkChange.objects.get(person="s-1", after="late")
    assert (change.reason, change.account) == ("3 minutes since September", None)
    sweep(minutes(101), since=minutes(0))
    assert marks()["s-1"] == "late", "it keeps the rules by which it was decided last"


def test_a_lesson_is_not_decided_again_without_its_kiosk() -> None:
    """Else an outage of today would make the past unknown."""
    _decided_by_five_minutes()
    Kiosk.objects.all().delete()
    Outbox.objects.all().delete()
    day = Lesson.objects.get(pk="maths").date
    done = rederive(day, day, STRICT, minutes(100), "asked", dry_run=False)
    assert (done.lessons, done.waiting, done.changes) == (0, ("maths",), ())


def test_a_kiosk_out_of_service_is_not_waited_for() -> None:
    """Lessons that begin later are decided by the other one; those before still wait for it."""
    school_class = make_class("s-1")
    make_lesson(school_class)
    make_lesson(school_class, "art", start=END)
    report(0, minutes(-9))
    other = KioskAddress(DOOR.site, DOOR.room, "kiosk-2")
    payload = msgspec.json.encode({"outbox_id": OTHER_OUTBOX, "last_sequence": 0})
    store([arrival(payload, "health", address=other, at=minutes(100))], minutes(100))
    sweep(minutes(101))
    assert (marks(), marks("art")) == ({}, {})
    set_service(DOOR, Account.objects.create_user("tom"), minutes(20), is_in=False)
    sweep(minutes(101))
    assert (marks(), marks("art")) == ({}, {"s-1": "absent"})
    sweep(minutes(102), since=minutes(20))
    assert not KioskAlert.objects.filter(kiosk=DOOR.kiosk).exists()
