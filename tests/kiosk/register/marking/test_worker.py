"""From stored events to marks, on each kind of database."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from msgspec import UNSET

from kiosk.clock import ManualClock
from kiosk.protocol.event import ParticipationEvent, encode
from kiosk.register.config import RegisterConfig
from kiosk.register.ingest.store import store
from kiosk.register.marking import facts, marks_table
from kiosk.register.marking.marks_table import Overtaken
from kiosk.register.marking.worker import Marker
from kiosk.register.models import Change, Event, Mark, MarkChange, ParticipationPoint
from tests.kiosk.register.marking.support import (
    history,
    make_class,
    make_lesson,
    marker_at,
    marks,
    minutes,
    participate,
    place,
    report,
    scan,
    sweep,
)
from tests.kiosk.register.support import arrival, event

pytestmark = pytest.mark.usefixtures("database")


def placings() -> dict[str, str]:
    return dict(Event.objects.values_list("subject_id", "placing"))


def test_an_event_becomes_a_mark_and_a_change() -> None:
    """Mark, audit trail, place of the event and word to open pages are there together."""
    make_lesson(make_class("s-1", "s-2"))
    scan(1, "s-1", minutes(2))
    scan(2, "s-2", minutes(12))
    place(minutes(13))
    assert marks() == {"s-1": "present", "s-2": "late"}
    mark = Mark.objects.get(person="s-2")
    assert (mark.rule, mark.minutes_late, mark.version) == ("late.after", 12, 1)
    assert (mark.clock, mark.event and mark.event.sequence) == ("synchronised", 2)
    assert history("s-2") == [("not-known", "late", 1)]
    assert set(placings().values()) == {"placed"}
    assert list(Change.objects.values_list("kind", "key")) == [("lesson", "maths")]


def test_placing_again_changes_nothing() -> None:
    """Whatever is derived twice is written once."""
    make_lesson(make_class("s-1"))
    scan(1, "s-1", minutes(2))
    place(minutes(3))
    Event.objects.update(placing="new")
    place(minutes(4))
    assert MarkChange.objects.count() == Change.objects.count() == 1


def test_an_event_that_arrives_late_derives_again() -> None:
    """An earlier event turns late into present; the trail has both."""
    make_lesson(make_class("s-1"))
    scan(2, "s-1", minutes(20))
    place(minutes(21))
    scan(1, "s-1", minutes(1), arrives=minutes(30))
    place(minutes(31))
    assert history("s-1") == [("not-known", "late", 1), ("late", "present", 2)]


def test_a_correction_stays_and_what_the_rules_say_is_kept_beneath_it() -> None:
    """The rules never change what a person has set."""
    make_lesson(make_class("s-1"))
    scan(1, "s-1", minutes(20))
    place(minutes(21))
    Mark.objects.update(status="excused", is_corrected=True, version=2)
    scan(2, "s-1", minutes(2), arrives=minutes(22))
    place(minutes(23))
    mark = Mark.objects.get()
    assert (mark.status, mark.derived, mark.version) == ("excused", "present", 2)
    assert len(history("s-1")) == 1


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ({"at": minutes(300)}, "no lesson"),
        ({"at": minutes(1), "subject_id": "s-2"}, "not in the class"),
        (
            {"at": minutes(-60 * 24 * 400), "clock": "unsynchronised", "arrives": minutes(300)},
            "clock not synchronised",
        ),
    ],
)
def test_an_event_of_no_lesson_says_why(what: dict[str, Any], reason: str) -> None:
    """It stays an event, and the page of the bin can show it."""
    make_class("s-2", class_id="8a")
    make_lesson(make_class("s-1"))
    scan(1, **{"subject_id": "s-1", **what})
    place(minutes(301))
    assert set(placings().values()) == {reason}
    assert set(marks().values()) <= {"not-known"}


def test_the_lesson_that_the_kiosk_named_has_the_event() -> None:
    """Of two lessons in the room at the time, the class session in the event decides."""
    first, second = make_class("s-1"), make_class("s-2", class_id="8a")
    second.memberships.create(person_id="s-1")
    make_lesson(first)
    make_lesson(second, "art", start=minutes(5))
    scan(1, "s-1", minutes(1), session="art")
    place(minutes(2))
    assert marks("art") == {"s-1": "present"}


def test_a_clock_that_was_wrong_keeps_the_student_from_being_absent() -> None:
    """Somebody was there at an unknown time: a person must look."""
    make_lesson(make_class("s-1"))
    long_ago = minutes(-60 * 24 * 400)
    scan(1, "s-1", long_ago, clock="unsynchronised", arrives=minutes(5))
    report(1, minutes(60))
    place(minutes(61))
    sweep(minutes(61))
    mark = Mark.objects.get()
    assert (mark.status, mark.rule, mark.clock) == (
        *("not-known", "unknown.clock-untrusted"),
        "unsynchronised",
    )


def test_participation_gives_a_point_for_each_event() -> None:
    """A point belongs to one event, and marks nobody present."""
    make_lesson(make_class("s-1"))
    fields = {
        name: getattr(event(1, subject_id="s-1", session="maths"), name)
        for name in event(1).__struct_fields__
        if name != "direction"
    } | {"time": minutes(5).isoformat(timespec="milliseconds")}
    made = ParticipationEvent(**fields, count=1)
    store([arrival(encode(made), "participation")], minutes(6))
    place(minutes(6))
    Event.objects.update(placing="new")
    place(minutes(6))
    assert list(ParticipationPoint.objects.values_list("lesson", "person", "points")) == [
        ("maths", "s-1", 1)
    ]
    assert not Mark.objects.exists()
    assert set(Change.objects.values_list("kind", flat=True)) == {"participation"}


def test_a_mark_that_somebody_changed_meanwhile_is_not_overwritten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is written, the event stays new, and the next attempt reads what stands."""
    make_lesson(make_class("s-1"))
    scan(1, "s-1", minutes(20))
    place(minutes(21))
    scan(2, "s-1", minutes(2), arrives=minutes(22))
    real = facts.load_facts

    def load_and_correct(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - passed on
        found = real(*args, **kwargs)
        Mark.objects.update(status="excused", is_corrected=True, version=2)
        return found

    with monkeypatch.context() as patch:
        patch.setattr("kiosk.register.marking.worker.load_facts", load_and_correct)
        with pytest.raises(Overtaken):
            marker_at(minutes(23)).place_new()
    assert Event.objects.filter(placing="new").count() == 1
    assert len(history("s-1")) == 1
    place(minutes(24))
    assert marks() == {"s-1": "excused"}


def test_a_crash_before_the_commit_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event is new until its mark is committed."""
    make_lesson(make_class("s-1"))
    scan(1, "s-1", minutes(2))
    real = marks_table.save

    def save_and_fail(*args: Any) -> None:  # noqa: ANN401 - passed on
        real(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("kiosk.register.marking.worker.save", save_and_fail)
        with pytest.raises(KeyboardInterrupt):
            marker_at(minutes(3)).place_new()
    assert not Mark.objects.exists()
    place(minutes(3))
    assert marks() == {"s-1": "present"}


def test_two_instances_mark_everybody_once() -> None:
    """Two threads on one database, as two processes would, write each mark and change once."""
    people = [f"s-{number}" for number in range(40)]
    make_lesson(make_class(*people))
    for number, one in enumerate(people, 1):
        scan(number, one, minutes(2))
    stop = threading.Event()

    def run() -> None:
        marker = marker_at(minutes(3))
        marker._stop = stop
        marker.run()

    def wait_for(is_done: Callable[[], bool]) -> None:
        for _ in range(500):
            if is_done():
                return
            stop.wait(0.02)

    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(run) for _ in range(2)]
        wait_for(lambda: not Event.objects.filter(placing="new").exists())
        stop.set()
        for each in runs:
            each.result()
    assert len(marks()) == len(people)
    assert MarkChange.objects.count() == len(people)


def test_lessons_over_midnight_have_their_events() -> None:
    """A lesson that began on the day before has the event after midnight."""
    begin = minutes(12 * 60 + 30)
    make_lesson(make_class("s-1"), start=begin, ends_at=begin + timedelta(hours=2))
    scan(1, "s-1", begin + timedelta(minutes=45))
    place(begin + timedelta(minutes=46))
    assert marks() == {"s-1": "late"}


def test_marking_takes_as_many_queries_for_a_class_as_for_one_student() -> None:
    """The price of a batch does not grow with its students."""
    counts = []
    for number, size in enumerate((1, 30)):
        people = [f"s-{number}-{one}" for one in range(size)]
        school_class = make_class(*people, class_id=f"class-{number}")
        make_lesson(school_class, f"lesson-{number}")
        for index, one in enumerate(people):
            scan(100 * number + index + 1, one, minutes(2))
        with CaptureQueriesContext(connections["default"]) as queries:
            marker_at(minutes(3)).place_new()
        counts.append(len(queries))
    assert counts[0] == counts[1] < 25


def test_the_marker_rests_while_events_come_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves most of the time to those who store, and ends the rest when nothing comes in."""
    rests: list[float] = []
    clock, stop = ManualClock(minutes(0)), threading.Event()

    class Idle(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            rests.append(timeout or 0.0)
            stop.set()
            return True

    def place_for_a_while(_marker: Marker) -> bool:
        clock.advance(0.1)
        return True

    monkeypatch.setattr(Marker, "place_new", place_for_a_while)
    marker = Marker(
        RegisterConfig(), clock=clock, stop=stop, news=threading.Event(), ingest_is_idle=Idle()
    )
    marker.run()
    assert rests == [pytest.approx(0.4)]


def test_a_card_counts_like_the_face() -> None:
    """For attendance and for participation; the point names the event, which names the card."""
    make_lesson(make_class("s-1"))
    card: dict[str, Any] = {"method": "qr", "card": "AAAAAAAA", "decision": UNSET}
    scan(1, "s-1", minutes(2), **card)
    participate(2, "s-1", minutes(3), **card)
    place(minutes(4))
    assert marks() == {"s-1": "present"}
    event = ParticipationPoint.objects.get().event
    assert event is not None
    assert b'"card":"AAAAAAAA"' in bytes(event.payload)
