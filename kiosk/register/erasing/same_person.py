"""Which ids a person has: their own, and those of temporary students who were merged into them.

A kiosk that enrolled somebody under a wrong id keeps the face under that id after the merge.
"""

from collections.abc import Iterable

from kiosk.register.models import Person


def ids_of(people: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return all subject ids of each of these people, their own first."""
    merged: dict[str, list[str]] = {}
    rows = Person.objects.exclude(merged_into=None).order_by("pk")
    for own, student in rows.values_list("pk", "merged_into_id"):
        merged.setdefault(student, []).append(own)
    found = {}
    for person in people:
        ids = [person]
        for one in ids:
            ids += [other for other in merged.get(one, ()) if other not in ids]
        found[person] = tuple(ids)
    return found
