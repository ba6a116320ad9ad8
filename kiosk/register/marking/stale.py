"""Lessons whose marks rest on something that has changed, and are derived again.

Whoever changes a lesson, or who is in it, calls :func:`touch` in the transaction that changes it.
The marker then derives the marks, and places the events around the lesson again. What a person has
corrected stays.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from kiosk.register.audit import tell
from kiosk.register.marking.again import REACH, place_again
from kiosk.register.marking.class_facts import load_class_facts
from kiosk.register.marking.deriving import derive_class
from kiosk.register.marking.facts import Facts, MarkKey
from kiosk.register.marking.marks_table import save_marks
from kiosk.register.models import Lesson, Mark
from kiosk.register.rules import mark as rules
from kiosk.register.rules.codes import Code
from kiosk.register.rules.settings import RuleSettings

LOOK_BACK: Final = timedelta(days=31)
"""How long after its end a lesson may still be decided; kiosks keep events for 30 days, and the
register for no less than 31."""
_TOGETHER: Final = 10
"""Lessons that are derived in one transaction."""
_NOT_EXPECTED: Final = rules.Mark(code=Code.NOT_KNOWN, rule=rules.Rule.NOT_EXPECTED)


def touch(lessons: QuerySet[Lesson], now: datetime) -> int:
    """Have lessons derived again, and decided again if they are over; return how many.

    A lesson that ended before :data:`LOOK_BACK` stays as it was decided: its events may be deleted.
    One that is still to come has nothing to derive.
    """
    has_marks = Exists(Mark.objects.filter(lesson=OuterRef("pk")))
    recent = lessons.filter(ends_at__gt=now - LOOK_BACK)
    concerned = recent.filter(Q(starts_at__lte=now + REACH) | has_marks)
    return concerned.update(is_stale=True, swept_at=None)


def derive_stale(sites: Collection[str], settings: RuleSettings, now: datetime) -> bool:
    """Derive the marks of a few stale lessons; return whether there were any, and so more to do.

    Args:
        sites: The sites that this instance serves; empty for all.
        settings: The rules.
        now: When.

    Raises:
        Overtaken: Somebody else has written one of the marks; the lessons are still stale.
        django.db.IntegrityError: So has another instance.
    """
    stale = Lesson.objects.filter(is_stale=True).order_by("starts_at", "lesson_id")
    stale = stale.filter(site__in=sites) if sites else stale
    if not stale.exists():
        return False
    with transaction.atomic():
        # First of all: what changes them again meanwhile waits, or makes them stale again.
        lessons = list(stale.select_for_update()[:_TOGETHER])
        ids = [one.lesson_id for one in lessons]
        Lesson.objects.filter(pk__in=ids).update(is_stale=False)
        place_again(lessons)
        facts = load_class_facts(lessons, settings, now)
        wanted = derive_class(ids, facts, settings, now)
        facts, dropped = _drop_unexpected(ids, wanted, facts)
        tell("lesson", {*save_marks({**wanted, **dropped}, facts, now).lessons, *ids}, now)
    return True


def _drop_unexpected(
    lesson_ids: Collection[str], wanted: Collection[MarkKey], facts: Facts
) -> tuple[Facts, dict[MarkKey, rules.Mark]]:
    """Return what becomes of the marks of those who are expected no longer, with these marks."""
    stored = {
        (one.lesson_id, one.person_id): one for one in Mark.objects.filter(lesson__in=lesson_ids)
    }
    dropped = {key: one for key, one in stored.items() if key not in wanted}
    facts = replace(facts, marks={**facts.marks, **dropped})
    return facts, dict.fromkeys(dropped, _NOT_EXPECTED)
