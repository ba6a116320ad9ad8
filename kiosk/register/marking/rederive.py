"""Decide lessons again that were decided before, because a person asks for it.

Only then do changed rules reach the past; and then as changes in the audit trail, with the reason.
What a person has corrected stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from django.db import IntegrityError, transaction

from kiosk.errors import RegisterError
from kiosk.register.audit import tell
from kiosk.register.erasing.retention import events_kept_from
from kiosk.register.marking.again import place_again
from kiosk.register.marking.class_facts import load_class_facts
from kiosk.register.marking.deriving import derive_class
from kiosk.register.marking.doors import load_doors
from kiosk.register.marking.facts import lesson_of
from kiosk.register.marking.marks_table import Overtaken, save_marks
from kiosk.register.marking.rule_sets import keep_rules
from kiosk.register.models import Lesson, MarkChange
from kiosk.register.rules.settings import RuleSettings
from kiosk.register.rules.sweep import due_lessons

_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Rederived:
    """What came of it.

    Attributes:
        lessons: How many lessons were decided again.
        waiting: Ids of those that were not, since a kiosk of the room is not complete past the end.
        changes: What differs from before.
    """

    lessons: int
    waiting: tuple[str, ...]
    changes: tuple[MarkChange, ...]


def rederive(
    first: date, last: date, rules: RuleSettings, now: datetime, reason: str, *, dry_run: bool
) -> Rederived:
    """Decide the decided lessons of these days again, by the rules of now.

    Args:
        first: The first day.
        last: The last day, included.
        rules: The rules.
        now: When.
        reason: Why; it stands beside each change.
        dry_run: Write nothing.

    Raises:
        RegisterError: Events of these days were deleted, or other programs go on changing the same
            marks.
    """
    kept_from = events_kept_from()
    if kept_from is not None and first < kept_from:
        raise RegisterError(
            f"events before {kept_from} were deleted (`kiosk register retention`), so these days"
            f" cannot be decided again: begin with {kept_from}"
        )
    decided = Lesson.objects.filter(date__gte=first, date__lte=last, status="scheduled")
    rows = {one.pk: one for one in decided.exclude(swept_at=None).order_by("starts_at", "pk")}
    doors = load_doors({one.room for one in rows.values()}, now) if rows else {}
    due = set(due_lessons(map(lesson_of, rows.values()), doors, now))
    days: dict[tuple[str, date], list[Lesson]] = {}
    for row in rows.values():
        if row.pk in due:
            days.setdefault((row.site, row.date), []).append(row)
    changes = [
        change
        for lessons in days.values()
        for change in _decide(lessons, rules, now, reason, dry_run=dry_run)
    ]
    return Rederived(len(due), tuple(one for one in rows if one not in due), tuple(changes))


def _decide(
    lessons: Sequence[Lesson], rules: RuleSettings, now: datetime, reason: str, *, dry_run: bool
) -> Sequence[MarkChange]:
    for _ in range(_TRIES):
        try:
            return _decide_once(lessons, rules, now, reason, dry_run=dry_run)
        except (Overtaken, IntegrityError):
            continue
    raise RegisterError("these marks are being changed meanwhile; nothing of the day was written")


@transaction.atomic
def _decide_once(
    lessons: Sequence[Lesson], rules: RuleSettings, now: datetime, reason: str, *, dry_run: bool
) -> Sequence[MarkChange]:
    """Decide lessons of one site and day."""
    ids = {one.pk for one in lessons}
    facts = load_class_facts(lessons, rules, now)
    open_again = {
        key: replace(one, decided_by=None) if key in ids else one
        for key, one in facts.lessons.items()
    }
    facts = replace(facts, lessons=open_again)
    derived = derive_class(ids, facts, rules, now)
    saved = save_marks(
        {key: mark for key, mark in derived.items() if key[0] in ids}, facts, now, reason
    )
    Lesson.objects.filter(pk__in=ids).update(decided_by=keep_rules(rules))
    place_again(lessons)
    tell("lesson", saved.lessons, now)
    if dry_run:
        transaction.set_rollback(True)
    return saved.changes
