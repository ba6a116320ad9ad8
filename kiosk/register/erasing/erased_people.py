"""Recognise events of people who were erased: a kiosk may send them again, or for the first time.

Such an event is not stored; its number counts as stored, so that the kiosk deletes it, too.
"""

import hashlib
import hmac
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec
from django.db import connection
from django.db.models import F

from kiosk.decoder import decoder_of
from kiosk.protocol.event import subject_of
from kiosk.register.messages.arrival import EventReading, Reading, Rejected
from kiosk.register.models import Erasure

_log = logging.getLogger(__name__)

LOCK: Final = 0x65726173
"""Number of an advisory lock in PostgreSQL: "eras" in ASCII."""


@dataclass(frozen=True, slots=True)
class ErasedPeople:
    """Who was erased, as keyed hashes.

    Attributes:
        digests: Hashes by salt, hexadecimal.
    """

    digests: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def digest_of(self, subject_id: str) -> str | None:
        """Return the hash of a person who was erased; ``None`` for others."""
        for salt, digests in self.digests.items():
            if (one := digest(salt, subject_id)) in digests:
                return one
        return None


@dataclass(frozen=True, slots=True)
class Parted:
    """Messages of a batch.

    Attributes:
        stored: Those that may be stored.
        refused: Events of people who were erased, with the hash of each person.
    """

    stored: list[Reading]
    refused: list[tuple[Reading, str]]


def digest(salt: str, subject_id: str) -> str:
    """Return the keyed hash of a subject id, hexadecimal."""
    return hmac.new(bytes.fromhex(salt), subject_id.encode(), hashlib.sha256).hexdigest()


def load_erased_people() -> ErasedPeople:
    """Return who was erased; within a transaction, which no erasure can overtake until it ends."""
    if connection.vendor == "postgresql":  # SQLite has one writer at a time
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [LOCK])
    digests: dict[str, set[str]] = {}
    rows = Erasure.objects.filter(lifted_at=None).values_list("salt", "digest")
    for salt, one in rows:
        digests.setdefault(salt, set()).add(one)
    return ErasedPeople({salt: frozenset(ones) for salt, ones in digests.items()})


def find_erased(subject_ids: Iterable[str]) -> dict[str, datetime]:
    """Return those of these people whose events are refused, each with the time of the erasure."""
    people = load_erased_people()
    rows = Erasure.objects.filter(lifted_at=None).order_by("erased_at")
    times = dict(rows.values_list("digest", "erased_at")) if people.digests else {}
    found = {one: people.digest_of(one) for one in subject_ids}
    return {one: times[mark] for one, mark in found.items() if mark is not None}


def part(readings: Iterable[Reading], people: ErasedPeople) -> Parted:
    """Part events of erased people from all other messages."""
    parted = Parted([], [])
    for one in readings:
        subject_id = _subject_of(one) if people.digests else None
        found = people.digest_of(subject_id) if subject_id is not None else None
        if found is None:
            parted.stored.append(one)
        else:
            parted.refused.append((one, found))
    return parted


def note_refused(refused: Iterable[tuple[Reading, str]]) -> None:
    """Count events that were not stored, and log which kiosks still name an erased person."""
    counts = Counter(found for _, found in refused)
    for found, count in sorted(counts.items()):
        rows = Erasure.objects.filter(digest=found, lifted_at=None)
        rows.update(refused=F("refused") + count)
    for place in sorted({one.arrival.topic.rpartition("/")[0] for one, _ in refused}):
        _log.warning("%s: sends events of a person who was erased; erase them there, too", place)


class _Named(msgspec.Struct):
    subject_id: str


def _subject_of(reading: Reading) -> str | None:
    """Return whom a message names; also one that cannot be placed for another reason."""
    match reading:
        case EventReading():
            return subject_of(reading.event) or None
        case Rejected():
            try:
                return decoder_of(_Named).decode(reading.arrival.payload).subject_id
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return None
        case _:
            return None
