"""What happened over days: the marks of a class or a student, rolled up by day."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import QuerySet, Sum

from kiosk.register.models import Lesson, Mark, ParticipationPoint, Person
from kiosk.register.overview.members import memberships_within
from kiosk.register.rules.codes import Code
from kiosk.register.rules.day import (
    Codes,
    DayMark,
    LessonCode,
    Rate,
    Run,
    consecutive_absences,
    rate,
    roll_up,
)
from kiosk.register.rules.lesson import Membership


@dataclass(frozen=True, slots=True)
class Span:
    """Days from ``first`` to ``last``, both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Counting:
    """How lessons are counted.

    Attributes:
        zone: The site's time zone.
        noon: When the afternoon begins.
        codes: What each code counts as.
    """

    zone: ZoneInfo
    noon: time
    codes: Codes


@dataclass(frozen=True, slots=True)
class StudentDays:
    """A student of a class over some days.

    Attributes:
        person: Who.
        days: The mark of each day on which the class had lessons and the student was in it.
        rate: Of lessons.
        run: Days absent in a row, up to the newest.
        half_days_absent: How many half-days count as absent.
        points: Participation points.
    """

    person: Person
    days: Mapping[date, DayMark]
    rate: Rate
    run: Run
    half_days_absent: int
    points: int


@dataclass(frozen=True, slots=True)
class ClassDays:
    """A class over some days.

    Attributes:
        lessons: The lessons of each day that has some, in order.
        students: By name.
        codes: What each code counts as.
    """

    lessons: Mapping[date, Sequence[Lesson]]
    students: tuple[StudentDays, ...]
    codes: Codes

    @property
    def days(self) -> tuple[date, ...]:
        """The days with lessons, in order."""
        return tuple(self.lessons)

    def rate_of(self, day: date) -> Rate:
        """Return the attendance rate of a day: of students, each as one code."""
        marks = (one.days.get(day) for one in self.students)
        codes = (one.code for one in marks if one is not None)
        return rate((one for one in codes if one is not None), self.codes)


@dataclass(frozen=True, slots=True)
class Line:
    """A lesson of a student; ``mark`` is ``None`` while nothing is known."""

    lesson: Lesson
    mark: Mark | None

    @property
    def code(self) -> Code:
        """The code that stands."""
        return Code(self.mark.status) if self.mark else Code.NOT_KNOWN


def class_days(class_id: str, span: Span, *, now: datetime, counting: Counting) -> ClassDays:
    """Return the days of a class: begun lessons that took place.

    Args:
        class_id: The class.
        span: The days.
        now: The current time: lessons that have not begun are left out.
        counting: How lessons are counted.
    """
    lessons = _held(Lesson.objects.filter(school_class=class_id), span, now)
    marks = _marks(Mark.objects.filter(lesson__in=lessons))
    points = _points(ParticipationPoint.objects.filter(lesson__in=lessons))
    members = memberships_within(class_id, span.first, span.last)
    students = tuple(
        _student_days(
            person,
            [Line(one, marks.get((one.pk, person.pk))) for one in lessons if is_member(one.date)],
            points.get(person.pk, 0),
            counting,
        )
        for person, is_member in members
    )
    by_day: dict[date, list[Lesson]] = {}
    for one in sorted(lessons, key=lambda one: one.date):  # stable: by their start on each day
        by_day.setdefault(one.date, []).append(one)
    return ClassDays(by_day, students, counting.codes)


def lessons_to_come(class_id: str, now: datetime, within: timedelta) -> list[Lesson]:
    """Return the lessons of a class that begin within a time and are not cancelled, in order."""
    found = Lesson.objects.filter(
        school_class=class_id, starts_at__gt=now, starts_at__lte=now + within, status="scheduled"
    )
    return list(found.order_by("starts_at", "lesson_id"))


def student_lines(
    person: Person, lessons: QuerySet[Lesson], span: Span, now: datetime
) -> list[Line]:
    """Return the begun lessons of a student among some lessons, as a guest, too; newest first."""
    held = _held(lessons, span, now)
    marks = {one.lesson_id: one for one in person.marks.filter(lesson__in=held)}
    spans = [
        (class_id, Membership(begin, end))
        for class_id, begin, end in person.memberships.values_list(
            "school_class_id", "begin", "end"
        )
    ]
    guest_in = set(person.guest_in.values_list("lesson_id", flat=True))
    lines = [
        Line(one, marks.get(one.pk))
        for one in held
        if one.pk in guest_in
        or any(
            class_id == one.school_class_id and membership.covers(one.date)
            for class_id, membership in spans
        )
    ]
    return lines[::-1]


def student_days(person: Person, lines: Sequence[Line], counting: Counting) -> StudentDays:
    """Roll a student's lessons up by day."""
    points = person.points.filter(lesson__in=[one.lesson for one in lines])
    total = points.aggregate(total=Sum("points"))["total"] or 0
    return _student_days(person, lines, total, counting)


def _student_days(
    person: Person, lines: Sequence[Line], points: int, counting: Counting
) -> StudentDays:
    by_day: dict[date, list[LessonCode]] = defaultdict(list)
    for one in lines:
        start = one.lesson.starts_at.astimezone(counting.zone)
        by_day[one.lesson.date].append(LessonCode(start, one.code))
    days = {
        day: roll_up(codes, counting.noon, counting.codes) for day, codes in sorted(by_day.items())
    }
    codes = [(day, mark.code) for day, mark in days.items() if mark.code is not None]
    return StudentDays(
        person,
        days,
        rate((one.code for one in lines), counting.codes),
        consecutive_absences(codes, counting.codes),
        sum(one.half_days_absent(counting.codes) for one in days.values()),
        points,
    )


def _held(lessons: QuerySet[Lesson], span: Span, now: datetime) -> list[Lesson]:
    """Return the lessons of a span that have begun and were not cancelled, in order."""
    found = lessons.filter(
        date__gte=span.first, date__lte=span.last, starts_at__lte=now, status="scheduled"
    )
    return list(found.select_related("school_class").order_by("starts_at", "lesson_id"))


def _marks(marks: Iterable[Mark]) -> dict[tuple[str, str], Mark]:
    return {(one.lesson_id, one.person_id): one for one in marks}


def _points(points: QuerySet[ParticipationPoint]) -> dict[str, int]:
    rows = points.values_list("person").annotate(total=Sum("points"))
    return dict(rows)
