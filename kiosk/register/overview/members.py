"""Who was in which class when."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date

from django.db.models import Q

from kiosk.register.alphabet import sort_key
from kiosk.register.models import Guest, Lesson, Membership, Person


def members_on(class_id: str, day: date) -> list[Person]:
    """Return who was in a class on a day, by name."""
    return [person for person, _ in memberships_within(class_id, day, day)]


def expected_in(lesson: Lesson) -> list[Person]:
    """Return who is in the class of a lesson on its date, and its guests, by name."""
    members = members_on(lesson.school_class_id, lesson.date)
    guests = guests_of([lesson.pk]).get(lesson.pk, [])
    if not guests:
        return members
    return sorted({*members, *guests}, key=by_name)


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
    begun = Q(begin=None) | Q(begin__lte=last)
    not_ended = Q(end=None) | Q(end__gte=first)
    rows = Membership.objects.filter(begun, not_ended, school_class=class_id)
    rows = rows.filter(person__merged_into=None)  # a temporary student that was merged is nobody
    spans: dict[Person, list[tuple[date, date]]] = defaultdict(list)
    for one in rows.select_related("person"):
        spans[one.person].append((one.begin or date.min, one.end or date.max))
    return [(person, _within(spans[person])) for person in sorted(spans, key=by_name)]


def by_name(person: Person) -> tuple[str, str]:
    """Return what people are ordered by in every list."""
    return sort_key(person.name), person.pk


def _within(spans: list[tuple[date, date]]) -> Callable[[date], bool]:
    return lambda day: any(begin <= day <= end for begin, end in spans)
