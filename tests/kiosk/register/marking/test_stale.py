"""Lessons whose time, room or class changes after marks were made, on each kind of database."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from kiosk.register.marking.corrections import Changed, set_marks
from kiosk.register.marking.rederive import rederive
from kiosk.register.marking.stale import LOOK_BACK, touch
from kiosk.register.models import (
    Account,
    Dismissal,
    Event,
    Lesson,
    Mark,
    Membership,
    ParticipationPoint,
    Person,
    SchoolClass,
    TimeCorrection,
)
from kiosk.register.office.bin import dismiss
from kiosk.register.office.imports import Source, apply
from kiosk.register.office.merge import merge
from kiosk.register.office.timetable_import import Options
from kiosk.register.rules.codes import Code
from kiosk.register.rules.settings import RuleSettings
from tests.kiosk.register.marking.support import (
    END,
    START,
    history,
    make_class,
    make_lesson,
    marks,
    minutes,
    participate,
    report,
    scan,
    sweep,
    work,
)
from tests.kiosk.register.support import DOOR

pytestmark = pytest.mark.usefixtures("database")
LESSON = f"{DOOR.site}/7b/20260115T1100"
PLACING = "placing"


def timetable(*rows: str, minute: float) -> None:
    """Import a timetable, so many minutes after the start of the lesson."""
    text = "\n".join(["class,room,title,start,end,from", *rows])
    options = Options(site=DOOR.site)
    source = Source(
        kind="timetable", data=text.encode(), name="t.csv", options=options, zone=ZoneInfo("UTC")
    )
    assert apply(source, None, minutes(minute)) is not None


def roster(*rows: str, minute: float) -> None:
    """Import a list of students, so many minutes after the start of the lesson."""
    text = "\n".join(["id,name,class,begin,end", *rows])
    source = Source(
        kind="roster",
        data=text.encode(),
        name="r.csv",
        options=Options(site=""),
        zone=ZoneInfo("UTC"),
    )
    assert apply(source, None, minutes(minute)) is not None


def row(start: str = "11:00", end: str = "11:45", *, room: str = DOOR.room, day: int = 15) -> str:
    return f"7b,{room},Maths,{start},{end},2026-01-{day}"


def placings() -> list[str]:
    return list(Event.objects.order_by("sequence").values_list(PLACING, flat=True))


def test_a_lesson_that_is_added_while_it_runs_gets_the_events_of_before() -> None:
    """They leave the bin without anybody's doing, and who is not seen is absent in the end."""
    make_class("s-1", "s-2")
    scan(1, "s-1", minutes(2))
    work(minutes(3))
    assert placings() == ["no lesson"]
    timetable(row(), minute=10)
    work(minutes(11))
    assert (placings(), marks(LESSON)) == (["placed"], {"s-1": "present"})
    report(1, minutes(46))
    work(minutes(47))
    assert marks(LESSON) == {"s-1": "present", "s-2": "absent"}


@pytest.mark.parametrize(
    ("moved", "reason"),
    [
        (row(room="room-9"), "lesson moved"),
        (row("11:00", "11:05"), "placed"),
        (row("11:00", "23:00"), "placed"),
    ],
)
def test_an_event_follows_its_lesson_when_that_is_moved(moved: str, reason: str) -> None:
    """In another room nobody was seen; with another end it still fits."""
    make_class("s-1")
    timetable(row(), minute=-60)
    scan(1, "s-1", minutes(2), session=LESSON)
    work(minutes(3))
    assert marks(LESSON) == {"s-1": "present"}
    timetable(moved, minute=4)
    work(minutes(4))
    assert placings() == [reason]
    assert marks(LESSON) == {"s-1": "present" if reason == "placed" else "not-known"}


def test_a_lesson_that_is_moved_into_another_week_takes_no_marks_along() -> None:
    """Its events are in the bin, and the change is in the trail."""
    school_class = make_class("s-1")
    lesson = make_lesson(school_class, LESSON)
    scan(1, "s-1", minutes(2))
    work(minutes(3))
    later = timedelta(days=7)
    Lesson.objects.filter(pk=LESSON).update(
        date=START.date() + later, starts_at=START + later, ends_at=END + later
    )
    touch(Lesson.objects.filter(pk=lesson.pk), minutes(4))
    work(minutes(4))
    assert marks(LESSON) == {"s-1": "not-known"}
    assert history("s-1")[-1] == ("present", "not-known", 2)


def test_a_cancelled_lesson_has_no_marks_and_gets_them_back_with_the_lesson() -> None:
    """The rule of the marks in between says why."""
    make_class("s-1")
    timetable(row(), row("12:00", "12:45"), minute=-60)
    scan(1, "s-1", minutes(2))
    work(minutes(3))
    timetable(row("10:59", "11:00"), row("12:00", "12:45"), minute=4)
    work(minutes(4))
    assert (placings(), marks(LESSON)) == (["lesson cancelled"], {"s-1": "not-known"})
    assert Mark.objects.get(lesson=LESSON).rule == "unknown.not-expected"
    timetable(row(), row("12:00", "12:45"), minute=5)
    work(minutes(5))
    assert (placings(), marks(LESSON)) == (["placed"], {"s-1": "present"})


def test_who_stayed_for_the_next_lesson_is_asked_again_when_the_first_is_cancelled() -> None:
    """Without the first lesson nobody was seen in the second."""
    make_class("s-1")
    timetable(row(), row("11:45", "12:30"), minute=-60)
    scan(1, "s-1", minutes(2))
    work(minutes(3))
    sweep(minutes(46), since=minutes(40))
    assert marks(f"{DOOR.site}/7b/20260115T1145") == {"s-1": "present"}
    timetable(row("09:00", "09:30"), row("11:45", "12:30"), minute=44)
    work(minutes(47))
    assert marks(f"{DOOR.site}/7b/20260115T1145") == {"s-1": "not-known"}


def test_what_a_person_has_corrected_stays_in_a_moved_lesson() -> None:
    """The rules change only what they say beneath it."""
    make_class("s-1")
    timetable(row(), minute=-60)
    scan(1, "s-1", minutes(2))
    work(minutes(3))
    outcome = set_marks(
        Lesson.objects.get(),
        {"s-1": 1},
        Code.EXCUSED,
        "choir",
        account=Account.objects.create_user("alice"),
        settings=RuleSettings(),
        now=minutes(4),
    )
    assert isinstance(outcome, Changed)
    timetable(row(room="room-9"), minute=5)
    work(minutes(5))
    mark = Mark.objects.get()
    assert (mark.status, mark.derived, mark.is_corrected) == ("excused", "not-known", True)


def test_participation_follows_its_lesson() -> None:
    """The point is not of a lesson that was elsewhere."""
    make_class("s-1")
    timetable(row(), minute=-60)
    participate(1, "s-1", minutes(2))
    work(minutes(3))
    assert ParticipationPoint.objects.count() == 1
    timetable(row(room="room-9"), minute=4)
    work(minutes(4))
    assert not ParticipationPoint.objects.exists()


def test_who_joins_a_class_late_is_derived_in_its_decided_lessons() -> None:
    """Seen students become present, and the others absent; the rules of the lessons stay."""
    make_lesson(make_class("s-1"), LESSON)
    Person.objects.create(subject_id="s-2", name="S-2")
    Person.objects.create(subject_id="s-3", name="S-3")
    for sequence, subject in enumerate(("s-1", "s-2"), start=1):
        scan(sequence, subject, minutes(2))
    report(2, minutes(46))
    work(minutes(47))
    before = Lesson.objects.get().decided_by
    assert (placings(), marks(LESSON)) == (["placed", "not in the class"], {"s-1": "present"})
    roster("s-1,S-1,7b,,", "s-2,S-2,7b,2026-01-01,", "s-3,S-3,7b,2026-01-01,", minute=60)
    work(minutes(61))
    assert placings() == ["placed", "placed"]
    assert marks(LESSON) == {"s-1": "present", "s-2": "present", "s-3": "absent"}
    lesson = Lesson.objects.get()
    assert (lesson.decided_by, lesson.is_stale) == (before, False)
    assert lesson.swept_at == minutes(61)


def test_who_was_not_in_the_class_after_all_has_no_mark() -> None:
    """The file says so of the past; the event goes to the bin."""
    make_lesson(make_class("s-1", "s-2"), LESSON)
    scan(1, "s-1", minutes(2))
    work(minutes(3))
    roster("s-1,S-1,7b,,2026-01-14", "s-2,S-2,7b,,", minute=4)
    work(minutes(5))
    assert (placings(), marks(LESSON)) == (["not in the class"], {"s-1": "not-known"})


def test_lessons_of_more_than_a_month_ago_stay_as_they_were_decided() -> None:
    """Their events may be deleted by now."""
    make_lesson(make_class("s-1"), LESSON)
    report(0, minutes(46))
    work(minutes(47))
    assert marks(LESSON) == {"s-1": "absent"}
    assert touch(Lesson.objects.all(), END + LOOK_BACK) == 0
    assert touch(Lesson.objects.all(), END + LOOK_BACK - timedelta(seconds=1)) == 1


def test_a_dismissed_event_stays_dismissed() -> None:
    """A person has decided that it belongs to no lesson."""
    make_class("s-1")
    scan(1, "s-1", minutes(2))
    work(minutes(3))
    dismiss([f"e{Event.objects.get().pk}"], Account.objects.create_user("olga"), "test", minutes(4))
    timetable(row(), minute=5)
    work(minutes(6))
    assert placings() == ["dismissed"]
    assert Dismissal.objects.count() == 1


def test_a_corrected_time_is_found_where_it_was() -> None:
    """The kiosk's first word on the time lies far away."""
    make_class("s-1")
    scan(1, "s-1", minutes(-90_000))
    Event.objects.update(corrected_at=minutes(2))
    TimeCorrection.objects.create(
        event_id=Event.objects.get().event_id, outbox_id="1", corrected_at=minutes(2)
    )
    work(minutes(3))
    timetable(row(), minute=5)
    work(minutes(6))
    assert (placings(), marks(LESSON)) == (["placed"], {"s-1": "present"})


def test_a_merged_student_is_absent_from_the_lessons_of_the_visitor() -> None:
    """The list of the class has the student from then on."""
    school_class = make_class("s-1")
    make_lesson(school_class, LESSON)
    visitor = Person.objects.create(subject_id="s-9", name="Visitor", is_temporary=True)
    student = Person.objects.create(subject_id="s-2", name="S-2")
    scan(1, "s-1", minutes(2))
    report(1, minutes(46))
    work(minutes(47))
    Membership.objects.create(
        person=visitor, school_class=SchoolClass.objects.get(), begin=date(2026, 1, 1)
    )
    merge(visitor, student, None, minutes(60))
    work(minutes(61))
    assert marks(LESSON) == {"s-1": "present", "s-2": "absent"}


def test_new_rules_that_are_asked_for_place_events_of_the_past_again() -> None:
    """A longer window before the lesson takes them out of the bin, too."""
    make_lesson(make_class("s-1"), LESSON)
    scan(1, "s-1", minutes(-20))
    report(1, minutes(46))
    work(minutes(47))
    assert (placings(), marks(LESSON)) == (["no lesson"], {"s-1": "absent"})
    rules = RuleSettings(window_before_min=30)
    rederive(START.date(), START.date(), rules, minutes(60), "longer window", dry_run=False)
    work(minutes(61))
    assert (placings(), marks(LESSON)) == (["placed"], {"s-1": "present"})
