"""Who was in which class when."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db.models import DateField, IntegerField, Q, QuerySet, TextField, Value

from kiosk.register.alphabet import sort_key
from kiosk.register.models import Guest, Lesson, Membership, Person
from kiosk.register.prepared import Given, Prepared


@dataclass(frozen=True, slots=True)
class Expected:
    """A student who is expected in a lesson.

    Attributes:
        subject_id: The student.
        name: The full name.
        is_guest: In this lesson alone; the class is another one.
    """

    subject_id: str
    name: str
    is_guest: bool = False


def _begun_by(day: date | Given) -> Q:
    return Q(begin=None) | Q(begin__lte=day)


def _not_ended_before(day: date | Given) -> Q:
    return Q(end=None) | Q(end__gte=day)


def _select_expected() -> QuerySet[Any, tuple[Any, ...]]:
    day = Given("day", DateField())
    members = Membership.objects.filter(
        _begun_by(day), _not_ended_before(day), school_class=Given("school_class", TextField())
    )
    guests = Guest.objects.filter(lesson=Given("lesson", TextField()))
    return _named(members, is_guest=0).union(_named(guests, is_guest=1), all=True)


def _named(rows: QuerySet[Any, Any], *, is_guest: int) -> QuerySet[Any, tuple[Any, ...]]:
    marked = rows.annotate(is_guest=Value(is_guest, output_field=IntegerField()))
    # A temporary student that was merged is nobody.
    named: QuerySet[Any, tuple[Any, ...]] = marked.filter(person__merged_into=None).values_list(
        "person_id", "person__name", "is_guest"
    )
    return named


_EXPECTED: Final = Prepared(_select_expected)


def members_on(class_id: str, day: date) -> list[Person]:
    """Return who was in a class on a day, by name."""
    return [person for person, _ in memberships_within(class_id, day, day)]


def expected_in(lesson: Lesson) -> list[Expected]:
    """Return who is in the class of a lesson on its date, and its guests, by name."""
    rows = _EXPECTED.rows(school_class=lesson.school_class_id, day=lesson.date, lesson=lesson.pk)
    # The guests come last: who is both is shown as one.
    found = {key: Expected(key, name, bool(is_guest)) for key, name, is_guest in rows}
    return sorted(found.values(), key=by_name)


def guests_of(lesson_ids: Iterable[str]) -> dict[str, list[Person]]:
    """Return the guests of each lesson that has some, by name."""
    found: dict[str, list[Person]] = {}
    rows = Guest.objects.filter(lesson__in=lesson_ids, person__merged_into=None)
    for one in rows.select_related("person"):
        found.setdefault(one.lesson_id, []).append(one.person)
    return {lesson_id: sorted(people, key=by_name) for lesson_id, people in found.items()}


def memberships_within(
    class_id: str, first: date, last: date
) -> list[tuple[Person, Callable[[date], bool]]]:
    """Return who was in a class on any day of a span, by name.

    Returns:
        Each person with a function that says whether the person was in the class on a day.
    """
    rows = Membership.objects.filter(_begun_by(last), _not_ended_before(first))
    # A temporary student that was merged is nobody.
    rows = rows.filter(school_class=class_id, person__merged_into=None)
    spans: dict[Person, list[tuple[date, date]]] = defaultdict(list)
    for one in rows.select_related("person"):
        spans[one.person].append((one.begin or date.min, one.end or date.max))
    return [(person, _within(spans[person])) for person in sorted(spans, key=by_name)]


def by_name(person: Person | Expected) -> tuple[str, str]:
    """Return what people are ordered by in every list."""
    return sort_key(person.name), person.subject_id


def _within(spans: list[tuple[date, date]]) -> Callable[[date], bool]:
    return lambda day: any(begin <= day <= end for begin, end in spans)
