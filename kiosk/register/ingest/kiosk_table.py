"""Who is known, and the newest word of each kiosk."""

from collections.abc import Collection, Iterable, Sequence

from kiosk.protocol.event import card_of, subject_of
from kiosk.protocol.topics import KioskAddress
from kiosk.register.among import plain
from kiosk.register.ingest.kiosk_news import Known as KnownWord
from kiosk.register.ingest.kiosk_news import news
from kiosk.register.ingest.time_corrections import load_times
from kiosk.register.ingest.verdict import Known
from kiosk.register.messages.arrival import (
    AvailabilityReading,
    EventReading,
    HealthReading,
    Reading,
    RefusedHealthReading,
)
from kiosk.register.models import Card, Kiosk, Person


def load_known(readings: Iterable[EventReading]) -> Known:
    """Return who of those named in these events is known."""
    readings = list(readings)
    subjects = {subject_of(one.event) for one in readings}
    kiosks = people = None
    listed = Kiosk.objects.filter(is_listed=True)
    if listed.exists():
        near = listed.filter(room__among={one.address.room for one in readings})
        names = plain(near.values_list("site", "room", "kiosk"))
        kiosks = frozenset(KioskAddress(*one) for one in names)
    if Person.objects.exists():
        known = Person.objects.filter(subject_id__among=subjects, is_listed=True)
        people = frozenset(one for (one,) in plain(known.values_list("subject_id")))
    cards = {card_of(one.event) for one in readings} - {""}
    revoked = Card.objects.filter(pk__in=cards).exclude(revoked_at=None) if cards else ()
    times = {one.card_id: one.revoked_at for one in revoked if one.revoked_at is not None}
    return Known(kiosks, people, load_times(readings), times)


def save_words(
    availability: Sequence[AvailabilityReading], health: Sequence[HealthReading]
) -> set[str]:
    """Keep the newest messages of each kiosk; return those of which pages now show something else.

    Returns:
        Their addresses, as keys of live updates.
    """
    if not availability and not health:
        return set()
    heard = {one.address for one in availability} | {one.address for one in health}
    changed = news(_load_words(heard), availability, health)
    _save_availability(availability)
    _save_health(health)
    return changed


def _load_words(addresses: Collection[KioskAddress]) -> dict[KioskAddress, KnownWord]:
    rows = Kiosk.objects.filter(room__in={one.room for one in addresses})
    found = {
        KioskAddress(row.site, row.room, row.kiosk): KnownWord(
            row.is_online, None if row.health is None else bytes(row.health), row.health_at
        )
        for row in rows
    }
    return {one: found[one] for one in addresses if one in found}


def _save_availability(readings: Iterable[AvailabilityReading]) -> None:
    """Keep the newest message of each kiosk."""
    newest = {one.address: one for one in readings}
    _save(
        [
            Kiosk(
                is_online=one.is_online,
                availability=one.arrival.payload,
                availability_at=one.arrival.at,
                **_names(address),
            )
            for address, one in newest.items()
        ],
        "is_online",
        "availability",
        "availability_at",
    )


def _save_health(readings: Iterable[HealthReading]) -> None:
    """Keep the newest message of each kiosk."""
    newest = {one.address: one for one in readings}
    _save(
        [
            Kiosk(
                health=one.arrival.payload,
                health_at=one.arrival.at,
                health_signature=one.signature,
                **_names(address),
            )
            for address, one in newest.items()
        ],
        "health",
        "health_at",
        "health_signature",
    )


def note_refused_health(readings: Iterable[RefusedHealthReading]) -> None:
    """Note when a kiosk's health was refused last; an empty one only clears what a broker kept."""
    newest = {one.address: one.arrival.at for one in readings if one.arrival.payload}
    for address, at in sorted(newest.items(), key=lambda one: str(one[0])):
        Kiosk.objects.filter(**_names(address)).update(health_refused_at=at)


def without_old_news(readings: Sequence[Reading]) -> list[Reading]:
    """Leave out what the broker had kept and the register has stored already.

    So its time stays that of its first arrival.
    """
    retained = {
        one.address
        for one in readings
        if isinstance(one, AvailabilityReading | HealthReading) and one.arrival.is_retained
    }
    if not retained:
        return list(readings)
    stored = {
        (KioskAddress(row.site, row.room, row.kiosk), bytes(payload))
        for row in Kiosk.objects.filter(site__in={one.site for one in retained})
        for payload in (row.availability, row.health)
        if payload is not None
    }
    return [
        one
        for one in readings
        if not one.arrival.is_retained or (one.address, one.arrival.payload) not in stored
    ]


def _save(rows: list[Kiosk], *columns: str) -> None:
    """Insert or update; every instance in the same order, so none waits in a circle."""
    Kiosk.objects.bulk_create(
        sorted(rows, key=lambda row: (row.site, row.room, row.kiosk)),
        update_conflicts=True,
        unique_fields=["site", "room", "kiosk"],
        update_fields=columns,
    )


def _names(address: KioskAddress) -> dict[str, str]:
    return {"site": address.site, "room": address.room, "kiosk": address.kiosk}
