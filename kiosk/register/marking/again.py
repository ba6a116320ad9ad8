"""Derive again what rests on something that a person has changed."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from django.db import IntegrityError, transaction
from django.db.models import Q

from kiosk.register.audit import tell
from kiosk.register.marking.deriving import derive_student
from kiosk.register.marking.doors import load_doors
from kiosk.register.marking.facts import load_facts, spans_around
from kiosk.register.marking.marks_table import Overtaken, save_marks
from kiosk.register.models import Event, Lesson
from kiosk.register.models.placing import DISMISSED, NEW, REFUSED
from kiosk.register.rules.settings import RuleSettings

_TRIES: Final = 3
REACH: Final = timedelta(hours=4)
"""The longest time before or after a lesson in which an event may be of it, whatever the rules."""
_TOGETHER: Final = 50
_TYPES: Final = ("attendance", "participation")


class Slot(Protocol):
    """Where and when a lesson is, or was."""

    @property
    def site(self) -> str: ...  # noqa: D102 - as in the class Lesson
    @property
    def room(self) -> str: ...  # noqa: D102 - a column
    @property
    def starts_at(self) -> datetime: ...  # noqa: D102 - a column
    @property
    def ends_at(self) -> datetime: ...  # noqa: D102 - a column


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


def place_again(slots: Iterable[Slot]) -> int:
    """Have the marker place the events around lessons again; return how many.

    For whoever moves lessons: call it with the old times and rooms, in the transaction that moves
    them; :mod:`kiosk.register.marking.stale` does the new ones. What a person has dismissed stays.
    """
    slots = list(slots)
    chunks = (slots[i : i + _TOGETHER] for i in range(0, len(slots), _TOGETHER))
    return sum(_place_again(some) for some in chunks)


def _place_again(slots: Sequence[Slot]) -> int:
    near = Q()
    for one in slots:
        begin, end = one.starts_at - REACH, one.ends_at + REACH
        then = Q(scanned_at__gte=begin, scanned_at__lt=end)
        then |= Q(corrected_at__gte=begin, corrected_at__lt=end)
        near |= Q(site=one.site, room=one.room) & then
    events = Event.objects.filter(near, type__in=_TYPES)
    return events.exclude(placing__in=[NEW, DISMISSED, REFUSED]).update(placing=NEW)


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
