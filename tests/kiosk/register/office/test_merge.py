"""Merge a temporary student: what the marker then makes of the events."""

import pytest

from kiosk.register.identity.keys import SignaturePolicy
from kiosk.register.models import Event, Mark, Membership, ParticipationPoint, Person
from kiosk.register.office.merge import merge
from kiosk.register.office.unknown_people import assign
from tests.kiosk.register.marking.support import (
    history,
    make_class,
    make_lesson,
    marks,
    minutes,
    place,
    scan,
)

pytestmark = pytest.mark.usefixtures("database")


def test_events_of_an_unknown_id_count_for_the_student() -> None:
    """Those in the bin, and those that come later; the event itself is not changed."""
    make_lesson(make_class("s-1"))
    scan(1, "s-99", minutes(2))
    assert assign("s-99", Person.objects.get(pk="s-1"), minutes(3), SignaturePolicy()) == (1, 0)
    place(minutes(4))
    assert marks() == {"s-1": "present"}
    assert Event.objects.get().subject_id == "s-99"
    scan(2, "s-99", minutes(5))
    place(minutes(6))
    assert marks() == {"s-1": "present"}
    assert set(Event.objects.values_list("placing", flat=True)) == {"placed"}


def test_a_merged_student_keeps_marks_and_points() -> None:
    """Deriving again changes nothing more."""
    school_class = make_class("s-1")
    visitor = Person.objects.create(subject_id="s-99", name="Visitor", is_temporary=True)
    Membership.objects.create(person=visitor, school_class=school_class)
    lesson = make_lesson(school_class)
    scan(1, "s-99", minutes(12))
    place(minutes(13))
    ParticipationPoint.objects.create(lesson=lesson, person=visitor, at=minutes(20))
    merge(visitor, Person.objects.get(pk="s-1"), None, minutes(30))
    place(minutes(31))
    assert marks() == {"s-1": "late"}
    assert history("s-1") == [("not-known", "late", 1)]
    assert Mark.objects.get().version == 1
    assert ParticipationPoint.objects.get().person_id == "s-1"
