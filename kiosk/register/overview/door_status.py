"""What is known of each kiosk that decides how far marks can rely on its door."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import OuterRef, QuerySet, Subquery, TextField

from kiosk.protocol.topics import KioskAddress
from kiosk.register.among import as_utc
from kiosk.register.ingest.outbox_state import OutboxState
from kiosk.register.ingest.outbox_table import load_states_in
from kiosk.register.models import Event, Kiosk, Outbox
from kiosk.register.prepared import GivenMany, Prepared
from kiosk.register.rules.completeness import Completeness, Word, assess

KIOSK_COLUMNS: Final = (
    *("site", "room", "kiosk", "is_listed", "is_online", "availability_at"),
    *("health", "health_at", "health_signature", "retired_at"),
)
_KIOSKS: Final = Prepared(
    lambda: Kiosk.objects.filter(room__among=GivenMany("rooms", TextField())).values_list(
        *KIOSK_COLUMNS
    )
)


def _select_last_events() -> QuerySet[Outbox, tuple[Any, ...]]:
    """Select the time of the event at each watermark, where its clock was synchronised."""
    at_watermark = Event.objects.filter(
        outbox_id=OuterRef("outbox_id"), sequence=OuterRef("watermark"), clock="synchronised"
    )
    outboxes = Outbox.objects.filter(outbox_id__among=GivenMany("outboxes", TextField()))
    return outboxes.values_list("outbox_id", Subquery(at_watermark.values("scanned_at")[:1]))


_LAST_EVENTS: Final = Prepared(_select_last_events)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorStatus:
    """A kiosk with one of its outbox files.

    Attributes:
        address: The kiosk.
        is_listed: It is in the imported list of kiosks.
        outbox: Its outbox; ``None`` if no numbered event of it is known.
        completeness: How far its events can be relied on.
        retired_at: Since when it is out of service; ``None`` while it is not.
        health: Its newest health message, as it came; ``None`` without one.
        health_signature: Whether that is signed
            (:data:`kiosk.register.identity.keys.SignatureState`); "" if it is not known.
    """

    address: KioskAddress
    is_listed: bool
    outbox: OutboxState | None
    completeness: Completeness
    retired_at: datetime | None = None
    health: bytes | None = None
    health_signature: str = ""


def load_door_statuses(now: datetime, rooms: Collection[str]) -> list[DoorStatus]:
    """Return the kiosks of these rooms that were heard or are listed; one for each outbox file."""
    found = statuses_of(_KIOSKS.rows(rooms=rooms), load_states_in(rooms), now)
    return sorted(found, key=lambda one: str(one.address))


def statuses_of(
    kiosks: Iterable[tuple[Any, ...]], states: Collection[OutboxState], now: datetime
) -> Iterator[DoorStatus]:
    """Yield the status of each outbox, and of each kiosk without one.

    Args:
        kiosks: Rows of :data:`KIOSK_COLUMNS`, as the database gives them.
        states: The outboxes.
        now: The current time.
    """
    rows = {KioskAddress(*names): rest for *names, rest in ((*one[:3], one[3:]) for one in kiosks)}
    events = dict(_LAST_EVENTS.rows(outboxes=[one.outbox_id for one in states])) if states else {}
    for one in states:
        last_event_at = as_utc(events.get(one.outbox_id))
        yield _status(one.address, rows.get(one.address, ()), one, last_event_at, now)
    for address in set(rows) - {one.address for one in states}:
        yield _status(address, rows[address], None, None, now)


def _status(
    address: KioskAddress,
    row: tuple[Any, ...],
    outbox: OutboxState | None,
    last_event_at: datetime | None,
    now: datetime,
) -> DoorStatus:
    """Put together what is known; a kiosk that only sent events has no row of its own."""
    is_listed, is_online, availability_at, health, health_at, signature, retired_at = row or _NO_ROW
    word = Word(
        is_online=None if is_online is None else bool(is_online),
        availability_at=as_utc(availability_at),
        health_at=as_utc(health_at),
    )
    completeness = assess(
        word,
        covered_at=outbox.covered_at if outbox else None,
        last_event_at=last_event_at,
        missing=outbox.missing_count if outbox else 0,
        now=now,
    )
    return DoorStatus(
        address=address,
        is_listed=bool(is_listed),
        outbox=outbox,
        completeness=completeness,
        retired_at=as_utc(retired_at),
        health=None if health is None else bytes(health),
        health_signature=signature,
    )


_NO_ROW: Final = (False, None, None, None, None, "", None)
