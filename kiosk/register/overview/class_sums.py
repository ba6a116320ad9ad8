"""How classes attended lately, summed by the database: few queries for any number of classes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

from django.db.models import Count, Q, QuerySet

from kiosk.register.models import Lesson, Mark, Membership, SchoolClass
from kiosk.register.overview.history import Counting, Span
from kiosk.register.rules.codes import Code
from kiosk.register.rules.day import Codes, LessonCode, Rate, consecutive_absences, roll_up

_Key: TypeAlias = tuple[str, str]
"""Class id and subject id."""


@dataclass(frozen=True, slots=True)
class ClassSum:
    """A class over some days.

    Attributes:
        members: How many students were in it on any of the days.
        rate: Of lessons.
        often_absent: How many students are absent for so many days in a row, up to the newest.
    """

    members: int
    rate: Rate
    often_absent: int


def class_sums(
    classes: QuerySet[SchoolClass], span: Span, row_days: int, *, now: datetime, counting: Counting
) -> dict[str, ClassSum]:
    """Return the sums of classes, by class id.

    Args:
        classes: The classes.
        span: The days.
        row_days: From so many days absent in a row a student is counted.
        now: The current time: lessons that have not begun are left out.
        counting: How lessons are counted.
    """
    lessons = Lesson.objects.filter(_held(classes, span, now))
    # A join: SQLite would look up each mark's lesson a second time in a subquery.
    marks = Mark.objects.filter(_held(classes, span, now, "lesson__")).order_by()
    members = _members(classes, span)
    rates = _rates(marks, counting.codes)
    often = Counter(class_id for class_id, _ in _often_absent(marks, lessons, row_days, counting))
    ids = classes.values_list("pk", flat=True)
    return {
        one: ClassSum(members.get(one, 0), rates.get(one, Rate(0, 0)), often[one]) for one in ids
    }


def _held(classes: QuerySet[SchoolClass], span: Span, now: datetime, prefix: str = "") -> Q:
    """Return the condition of a lesson that counts, or with a prefix of what refers to it."""
    condition = {
        "school_class__in": classes,
        "date__range": (span.first, span.last),
        "starts_at__lte": now,
        "status": "scheduled",
    }
    return Q(**{f"{prefix}{name}": value for name, value in condition.items()})


def _within(span: Span) -> Q:
    begun = Q(begin=None) | Q(begin__lte=span.last)
    return begun & (Q(end=None) | Q(end__gte=span.first)) & Q(person__merged_into=None)


def _members(classes: QuerySet[SchoolClass], span: Span) -> dict[str, int]:
    rows = Membership.objects.filter(_within(span), school_class__in=classes)
    counts = rows.order_by().values_list("school_class")
    return dict(counts.annotate(Count("person", distinct=True)))


def _rates(marks: QuerySet[Mark], codes: Codes) -> dict[str, Rate]:
    attended, counted = Counter[str](), Counter[str]()
    rows = marks.values_list("lesson__school_class", "status").annotate(Count("pk"))
    for class_id, status, count in rows:
        facts = codes[Code(status)]
        if facts.counts_toward_rate:
            counted[class_id] += count
            attended[class_id] += count * facts.counts_present
    return {one: Rate(attended[one], counted[one]) for one in counted}


def _often_absent(
    marks: QuerySet[Mark], lessons: QuerySet[Lesson], row_days: int, counting: Counting
) -> list[_Key]:
    """Return who is absent day after day, in which class."""
    likely = _likely(marks, row_days, counting.codes)
    if not likely:
        return []
    codes = _codes_of(likely, marks, lessons, counting)
    return [
        key
        for key, days in codes.items()
        if consecutive_absences(_by_day(days, counting), counting.codes).days >= row_days
    ]


def _likely(marks: QuerySet[Mark], row_days: int, codes: Codes) -> set[_Key]:
    """Return who was absent from a lesson on so many days; few, whatever the number of marks."""
    absent = [one.value for one in Code if codes[one].counts_absent]
    days = (
        marks.filter(status__in=absent)
        .values_list("lesson__school_class", "person")
        .annotate(days=Count("lesson__date", distinct=True))
    )
    return {(class_id, person) for class_id, person, _ in days.filter(days__gte=row_days)}


def _codes_of(
    keys: set[_Key], marks: QuerySet[Mark], lessons: QuerySet[Lesson], counting: Counting
) -> Mapping[_Key, dict[date, list[LessonCode]]]:
    """Return the code of each lesson in which these students were expected, by day."""
    people = {person for _, person in keys}
    rows = marks.filter(person__in=people).values_list("lesson", "person", "status")
    codes = {(lesson, person): Code(status) for lesson, person, status in rows}
    spans: dict[_Key, list[tuple[date, date]]] = defaultdict(list)
    memberships = Membership.objects.filter(person__in=people)
    columns = ("school_class_id", "person_id", "begin", "end")
    for class_id, person, begin, end in memberships.values_list(*columns):
        spans[class_id, person].append((begin or date.min, end or date.max))
    of_class: dict[str, list[str]] = defaultdict(list)
    for class_id, person in keys:
        of_class[class_id].append(person)
    found: dict[_Key, dict[date, list[LessonCode]]] = {}
    own = lessons.filter(school_class__in=of_class)
    for pk, class_id, day, starts_at in own.values_list("pk", "school_class", "date", "starts_at"):
        start = starts_at.astimezone(counting.zone)
        for person in of_class[class_id]:
            key = class_id, person
            if any(begin <= day <= end for begin, end in spans[key]):
                code = LessonCode(start, codes.get((pk, person), Code.NOT_KNOWN))
                found.setdefault(key, {}).setdefault(day, []).append(code)
    return found


def _by_day(
    days: Mapping[date, Iterable[LessonCode]], counting: Counting
) -> Iterable[tuple[date, Code]]:
    for day, codes in days.items():
        code = roll_up(codes, counting.noon, counting.codes).code
        if code is not None:
            yield day, code
