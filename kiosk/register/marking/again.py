"""Derive again what rests on something that a person has changed."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction

from kiosk.register.marking.audit import tell
from kiosk.register.marking.deriving import derive_student
from kiosk.register.marking.doors import load_doors
from kiosk.register.marking.facts import load_facts, spans_around
from kiosk.register.marking.marks_table import Overtaken, save_marks
from kiosk.register.models import Event, Lesson
from kiosk.register.rules.settings import RuleSettings

_TRIES: Final = 3


def derive_following(
    lesson: Lesson, subject_ids: Collection[str], settings: RuleSettings, now: datetime
) -> None:
    """Derive the lessons of the day that follow one whose marks were set by hand.

    Who is in a lesson may stay in the room for the next one; nobody passes the door then.
    """
    for _ in range(_TRIES):
        try:
            _derive(lesson, subject_ids, settings, now)
        except (Overtaken, IntegrityError):  # the marker was at work on the same student
            continue
        return


def place_again(site: str, rooms: Collection[str], begin: datetime, end: datetime) -> int:
    """Have the marker place the events of these rooms and hours again; return how many.

    For whoever moves lessons: call it with the old and the new time and room, in the transaction
    that moves them, and set their ``swept_at`` to ``NULL``.
    """
    events = Event.objects.filter(
        site=site, room__in=rooms, scanned_at__gte=begin, scanned_at__lt=end
    )
    return events.update(placing="new")


def _derive(
    lesson: Lesson, subject_ids: Collection[str], settings: RuleSettings, now: datetime
) -> None:
    facts = load_facts(
        subject_ids,
        spans_around([lesson.starts_at]),
        settings,
        lambda rooms: load_doors(rooms, now),
    )
    day = (lesson.site, lesson.date)
    theirs = {
        subject_id: [
            one for one in map(facts.lessons.__getitem__, ids) if (one.site, one.date) == day
        ]
        for subject_id, ids in facts.expected.items()
    }
    marks = {
        key: mark
        for subject_id, lessons in theirs.items()
        for key, mark in derive_student(subject_id, lessons, facts, settings, now).items()
        if facts.lessons[key[0]].starts_at >= lesson.ends_at
    }
    with transaction.atomic():
        tell("lesson", save_marks(marks, facts, now).lessons, now)
