"""Lessons with what matters of each: its state, its marks, whether its register was taken."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from kiosk.register.models import Account, Lesson, Mark, Taken
from kiosk.register.rules.codes import Code
from kiosk.register.rules.correction import Role, correction_time
from kiosk.register.web.access import changeable_classes, visible_classes
from kiosk.register.web.application import config

_BACK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class LessonNow:
    """A lesson at a moment.

    Attributes:
        lesson: The lesson.
        state: "cancelled", "to come", "running" or "over".
        counts: Each status that marks have, with its count.
        taken_at: When the register was taken last; ``None`` if it was not.
        taken_by: By whom.
    """

    lesson: Lesson
    state: str
    counts: tuple[tuple[str, int], ...]
    taken_at: datetime | None
    taken_by: str

    @property
    def is_due(self) -> bool:
        """The register should be taken."""
        return self.state in {"running", "over"} and self.taken_at is None


def lessons_of_day(account: Account, moment: datetime) -> list[LessonNow]:
    """Return the lessons of the day of a moment, by their start, of classes that may be seen."""
    today = timezone.localdate(moment)
    lessons = Lesson.objects.filter(date=today, school_class__in=visible_classes(account))
    return _load(lessons, moment)


def earlier_not_taken(account: Account, moment: datetime, limit: int) -> list[LessonNow]:
    """Return the lessons of the last days whose register nobody has taken, the oldest first.

    They are those whose register the account can still take.

    Args:
        account: Who asks.
        moment: The current time.
        limit: The most lessons: a school that takes no registers has thousands.
    """
    time = correction_time(Role(account.role), config().rules)
    since = moment - (_BACK if time is None else min(_BACK, time))
    lessons = Lesson.objects.filter(
        ~Exists(Taken.objects.filter(lesson=OuterRef("pk"))),
        school_class__in=changeable_classes(account),
        date__gte=timezone.localdate(since) - timedelta(days=1),  # for the index; in any zone
        date__lt=timezone.localdate(moment),
        ends_at__gt=since,
        status="scheduled",
    )
    return _load(lessons, moment, limit)


def _load(lessons: QuerySet[Lesson], moment: datetime, limit: int | None = None) -> list[LessonNow]:
    last = Taken.objects.filter(lesson=OuterRef("pk")).order_by("-id")
    told = lessons.select_related("school_class").annotate(
        taken_at=Subquery(last.values("at")[:1]),
        taken_by=Subquery(last.values("account__username")[:1]),
        taken_name=Subquery(last.values("account__first_name")[:1]),
    )
    rows = list(told.order_by("starts_at", "lesson_id")[:limit])
    marks = Mark.objects.filter(lesson__in=[one.pk for one in rows])
    counted: dict[str, dict[str, int]] = {}
    for lesson_id, status, count in marks.values_list("lesson_id", "status").annotate(Count("id")):
        counted.setdefault(lesson_id, {})[status] = count
    return [_lesson_now(one, counted.get(one.pk, {}), moment) for one in rows]


def state_at(lesson: Lesson, moment: datetime) -> str:
    """Return the state of a lesson at a moment."""
    if lesson.status == "cancelled":
        return "cancelled"
    if moment < lesson.starts_at:
        return "to come"
    return "running" if moment < lesson.ends_at else "over"


def _lesson_now(row: Lesson, counts: dict[str, int], moment: datetime) -> LessonNow:
    return LessonNow(
        row,
        state_at(row, moment),
        tuple(
            (code.value, counts[code])
            for code in Code
            if code is not Code.NOT_KNOWN and code in counts
        ),
        getattr(row, "taken_at", None),
        getattr(row, "taken_name", None) or getattr(row, "taken_by", None) or "",
    )
