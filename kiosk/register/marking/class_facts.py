"""Read what the rules need to derive whole lessons."""

from collections.abc import Collection
from datetime import datetime

from kiosk.register.marking.doors import load_doors
from kiosk.register.marking.facts import Facts, load_facts, spans_around
from kiosk.register.models import Guest, Lesson, Membership
from kiosk.register.rules.settings import RuleSettings


def load_class_facts(lessons: Collection[Lesson], settings: RuleSettings, now: datetime) -> Facts:
    """Read everything about those who are, or were, in the classes of these lessons, and guests.

    Args:
        lessons: The lessons.
        settings: The rules.
        now: When.
    """
    classes = {one.school_class_id for one in lessons}
    members = Membership.objects.filter(school_class__in=classes)
    guests = Guest.objects.filter(lesson__in=[one.lesson_id for one in lessons])
    subjects = {
        one for rows in (members, guests) for one in rows.values_list("person_id", flat=True)
    }
    spans = spans_around(one.starts_at for one in lessons)
    return load_facts(subjects, spans, settings, lambda rooms: load_doors(rooms, now))
