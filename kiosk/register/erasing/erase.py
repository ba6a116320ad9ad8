"""Erase a person from the register, and keep a receipt that names nobody.

Deleted is every row that names the person: in the table of people and all tables that refer to it,
events, alarms, and messages in the bin or for the kiosks. Files that wait for an import are deleted
whoever they name (:mod:`kiosk.register.erasing.waiting`). A card's row stays, revoked, and names
nobody. Numbers stay confirmed, and the person stays refused
(:mod:`kiosk.register.erasing.erased_people`), so that no kiosk brings an event back.
"""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from django.db import connection, models, transaction

from kiosk.errors import RosterError
from kiosk.register.audit import tell
from kiosk.register.erasing.erased_people import LOCK, digest, load_erased_people
from kiosk.register.erasing.same_person import ids_of
from kiosk.register.erasing.waiting import delete_waiting
from kiosk.register.models import (
    Alarm,
    BinEntry,
    Card,
    Erasure,
    ErasureOrder,
    Event,
    Person,
    Publication,
)

_SALT_BYTES: Final = 16
_WITH_PAYLOAD: Final = (BinEntry, Alarm, Publication)
"""Tables whose payloads may name a person in any place."""
_TEXTS: Final = "free text that people wrote, and files that were exported"
_STORAGE: Final = {
    "sqlite": "backups of the database, and what the disk keeps of it",
    "postgresql": (
        "dead rows until VACUUM, the write-ahead log and its archive, replicas and backups of"
        " the database"
    ),
}


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure has done.

    Attributes:
        counts: How many rows of each table were deleted; of cards, how many now
            name nobody.
        was_erased: The person had been erased before.
        receipt: Number of the receipt; ``None`` where nothing was changed.
        in_log: The write-ahead log of SQLite could not be emptied, because somebody reads.
        remains: What this does not reach.
    """

    counts: dict[str, int]
    was_erased: bool
    receipt: int | None
    in_log: bool
    remains: tuple[str, ...]


def erase_subject(subject_id: str, now: datetime, *, is_trial: bool = False) -> Erased:
    """Delete every row that names a person, in one transaction.

    Args:
        subject_id: The person.
        now: The current time, UTC.
        is_trial: Only count what would be deleted.

    Raises:
        RosterError: Nothing names this person, and they were not erased before.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        people = load_erased_people()
        was_erased = people.digest_of(subject_id) is not None
        ids = ids_of([subject_id])[subject_id]
        counts = _delete(ids, now)
        if not counts and not was_erased:
            message = f"subject {subject_id!r}: nothing in the register names this person"
            raise RosterError(message)
        counts |= _by_table(delete_waiting())
        receipt = None if is_trial else _receipt(subject_id, counts, now)
        for one in ids[1:]:  # a kiosk may still send events of these ids
            _receipt(one, {}, now)
        tell("erasure", [""], now)
        tell("lesson", [""], now)  # every open page of a class may show the person
        transaction.set_rollback(is_trial)
    in_log = not is_trial and not empty_log()
    return Erased(counts, was_erased, receipt, in_log, (_TEXTS, _STORAGE[connection.vendor]))


def lift_erasure(subject_id: str, now: datetime) -> bool:
    """Admit events of an erased person again; return whether the person was erased."""
    with transaction.atomic():
        found = load_erased_people().digest_of(subject_id)
        rows = Erasure.objects.filter(digest=found, lifted_at=None)
        return rows.update(lifted_at=now) > 0


def _delete(people: Sequence[str], now: datetime) -> dict[str, int]:
    """Delete the rows; return how many there were in each table, without the empty ones."""
    counts: Counter[str] = Counter()
    # A card without a person names nobody, and must stay revoked.
    cards = Card.objects.filter(person__in=people)
    cards.filter(revoked_at=None).update(revoked_at=now)
    counts[Card._meta.label] = cards.update(person=None)
    # An order stays until the kiosk has carried it out, and names nobody.
    ErasureOrder.objects.filter(merged__in=people).update(merged=None, consent=None)
    for relation in Person._meta.related_objects:
        if relation.related_model is not Person:
            rows = relation.related_model._base_manager.filter(
                **{f"{relation.field.name}__in": people}
            )
            _release(rows)
            counts.update(rows.delete()[1])
    for one in people:
        for model in _WITH_PAYLOAD:
            rows = model._base_manager.filter(pk__in=_naming(model, one))
            counts.update(rows.delete()[1])
    counts.update(Event.objects.filter(subject_id__in=people).delete()[1])
    persons = Person.objects.filter(subject_id__in=people)
    _release(persons)
    counts.update(persons.delete()[1])
    return _by_table(counts)


def _by_table(counts: Mapping[str, int]) -> dict[str, int]:
    return {name.rpartition(".")[2].lower(): count for name, count in counts.items() if count}


def _release(rows: "models.QuerySet[Any]") -> None:
    """Cut the references of rows to rows of the same table, which would protect each other."""
    model = rows.model
    for one in model._meta.get_fields():
        if isinstance(one, models.ForeignKey) and one.related_model is model and one.null:
            rows.update(**{one.name: None})


def _naming(model: type[models.Model], subject_id: str) -> list[int]:
    """Return the keys of rows whose payload has the id as a JSON text."""
    place = "instr(payload, %s)" if connection.vendor == "sqlite" else "position(%s IN payload)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM {model._meta.db_table} WHERE {place} > 0",  # noqa: S608 - of constants
            [msgspec.json.encode(subject_id)],
        )
        return [row[0] for row in cursor.fetchall()]


def _receipt(subject_id: str, counts: dict[str, int], now: datetime) -> int:
    salts = Erasure.objects.values_list("salt", flat=True)
    salt = salts.first() or os.urandom(_SALT_BYTES).hex()
    row = Erasure.objects.create(
        erased_at=now, salt=salt, digest=digest(salt, subject_id), counts=json.dumps(counts)
    )
    return int(row.pk)


def empty_log() -> bool:
    """Empty SQLite's write-ahead log, which still has the rows; return whether it is empty."""
    if connection.vendor != "sqlite":
        return True
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (is_busy, _, _) = cursor.fetchone()
    return not is_busy
