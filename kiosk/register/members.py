"""Who was in which class when."""

from datetime import date

from django.db.models import Q

from kiosk.register.models import Person


def members_on(class_id: str, day: date) -> list[Person]:
    """Return who was in a class on a day, by name."""
    begun = Q(memberships__begin=None) | Q(memberships__begin__lte=day)
    not_ended = Q(memberships__end=None) | Q(memberships__end__gte=day)
    people = Person.objects.filter(begun, not_ended, memberships__school_class=class_id)
    people = people.filter(merged_into=None)  # a temporary student that was merged is nobody
    return list(people.distinct().order_by("name", "subject_id"))
