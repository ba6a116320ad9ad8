"""What the time alone brings about: lessons begin and end, windows close, kiosks fall silent."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce

from kiosk.register.audit import tell
from kiosk.register.marking.alerts import AlertWatch
from kiosk.register.marking.class_facts import load_class_facts
from kiosk.register.marking.deriving import derive_class
from kiosk.register.marking.doors import load_doors
from kiosk.register.marking.facts import lesson_of
from kiosk.register.marking.marks_table import save_marks
from kiosk.register.marking.participation import close_ended_windows
from kiosk.register.marking.rule_sets import keep_rules
from kiosk.register.marking.stale import LOOK_BACK
from kiosk.register.models import Change, Lesson
from kiosk.register.rules.settings import RuleSettings
from kiosk.register.rules.sweep import due_lessons

_TOGETHER: Final = 10
"""Lessons that are decided in one transaction."""
_CHANGES_KEPT: Final = timedelta(days=1)


class Sweeper:
    """Decides lessons that are over, and looks after kiosks and windows.

    Args:
        rules: The rules.
        sites: The sites that this instance serves; empty for all.
        now: When this process began.
    """

    def __init__(self, rules: RuleSettings, sites: Collection[str], now: datetime) -> None:
        self._rules = rules
        self._sites = sites
        self._alerts = AlertWatch(rules, sites, now)
        # Lessons that began before this process are derived once more, which changes nothing.
        self._begun_until = now - timedelta(hours=2)

    def sweep(self, now: datetime) -> None:
        """Do everything that is due.

        Raises:
            Overtaken: Somebody else has written one of the marks.
        """
        self._begin(now)
        self._decide(now)
        close_ended_windows(now)
        self._alerts.watch(now)
        Change.objects.filter(at__lt=now - _CHANGES_KEPT).delete()

    def _begin(self, now: datetime) -> None:
        """Mark those who stay in the room from the lesson before."""
        lessons = self._lessons().filter(starts_at__gt=self._begun_until, starts_at__lte=now)
        for some in _groups(list(lessons)):
            self._derive(some, now, is_final=False)
        self._begun_until = now

    def _decide(self, now: datetime) -> None:
        """Decide who was absent, where every kiosk of the room is complete past the end."""
        ended = self._lessons().filter(
            swept_at=None, ends_at__lte=now, ends_at__gt=now - LOOK_BACK, status="scheduled"
        )
        rows = {one.lesson_id: one for one in ended}
        if not rows:
            return
        doors = load_doors({one.room for one in rows.values()}, now)
        due = due_lessons(map(lesson_of, rows.values()), doors, now)
        for some in _groups([rows[one] for one in due]):
            self._derive(some, now, is_final=True)

    def _lessons(self) -> QuerySet[Lesson]:
        lessons = Lesson.objects.order_by("ends_at", "lesson_id")
        return lessons.filter(site__in=self._sites) if self._sites else lessons

    def _derive(self, lessons: Sequence[Lesson], now: datetime, *, is_final: bool) -> None:
        facts = load_class_facts(lessons, self._rules, now)
        ids = [one.lesson_id for one in lessons]
        marks = derive_class(ids, facts, self._rules, now)
        with transaction.atomic():
            touched = set(save_marks(marks, facts, now).lessons)
            if is_final and self._close(ids, now):
                touched |= set(ids)
            tell("lesson", touched, now)

    def _close(self, lesson_ids: Collection[str], now: datetime) -> int:
        """Note that these lessons are decided, and by which rules the first time."""
        undecided = Lesson.objects.filter(pk__in=lesson_ids, swept_at=None)
        rules = Coalesce("decided_by", Value(keep_rules(self._rules)))
        return undecided.update(swept_at=now, decided_by=rules)


def _groups(lessons: Sequence[Lesson]) -> Iterator[Sequence[Lesson]]:
    return (lessons[i : i + _TOGETHER] for i in range(0, len(lessons), _TOGETHER))
