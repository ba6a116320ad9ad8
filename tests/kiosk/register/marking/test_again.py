"""What rests on something that a person has changed, on each kind of database."""

import pytest

from kiosk.register.marking.again import place_again
from kiosk.register.marking.corrections import Changed, set_marks
from kiosk.register.models import Account, Event, Lesson, Mark
from kiosk.register.rules.codes import Code
from kiosk.register.rules.settings import RuleSettings
from tests.kiosk.register.marking.support import (
    END,
    make_class,
    make_lesson,
    marks,
    minutes,
    place,
    report,
    scan,
    sweep,
)

pytestmark = pytest.mark.usefixtures("database")


def test_who_was_set_present_is_present_in_the_next_lesson_of_the_room() -> None:
    """The absence that was derived there is taken back, for the corrected student alone."""
    school_class = make_class("s-1", "s-2")
    first = make_lesson(school_class)
    make_lesson(school_class, "art", start=END)
    report(0, minutes(100))
    sweep(minutes(101))
    assert marks("art") == {"s-1": "absent", "s-2": "absent"}
    outcome = set_marks(
        first,
        {"s-1": 1},
        Code.PRESENT,
        "sat in the front row",
        account=Account.objects.create_user("alice"),
        settings=RuleSettings(),
        now=minutes(102),
    )
    assert isinstance(outcome, Changed)
    assert marks("art") == {"s-1": "present", "s-2": "absent"}
    assert Mark.objects.get(lesson="art", person="s-1").rule == "present.carried-over"


def test_events_are_placed_again_where_a_lesson_was_moved() -> None:
    """The marker derives from the lesson as it is now."""
    lesson = make_lesson(make_class("s-1"))
    scan(1, "s-1", minutes(2))
    place(minutes(3))
    Lesson.objects.filter(pk=lesson.pk).update(starts_at=minutes(-20))
    assert place_again([lesson]) == 1
    place(minutes(4))
    assert marks() == {"s-1": "late"}
    assert Event.objects.get().placing == "placed"
