"""The lessons of a day with what matters of each: its state, its marks, whether it was taken."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, OuterRef, Subquery
from django.utils import timezone

from kiosk.register.models import Account, Lesson, Mark, Taken
from kiosk.register.rules.codes import Code
from kiosk.register.web.access import visible_classes


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
    last = Taken.objects.filter(lesson=OuterRef("pk")).order_by("-id")
    lessons = (
        Lesson.objects.filter(
            date=timezone.localdate(moment), school_class__in=visible_classes(account)
        )
        .select_related("school_class")
        .annotate(
            taken_at=Subquery(last.values("at")[:1]),
            taken_by=Subquery(last.values("account__username")[:1]),
            taken_name=Subquery(last.values("account__first_name")[:1]),
        )
        .order_by("starts_at", "lesson_id")
    )
    rows = list(lessons)
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
