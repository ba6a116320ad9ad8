"""What is known of each kiosk that decides how far marks can rely on its door."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import OuterRef, QuerySet, Subquery, TextField

from kiosk.protocol.topics import KioskAddress
from kiosk.register.among import as_utc, plain
from kiosk.register.ingest.outbox_state import OutboxState
from kiosk.register.ingest.outbox_table import COLUMNS, state_of
from kiosk.register.models import Event, Kiosk, Outbox
from kiosk.register.prepared import GivenMany, Prepared
from kiosk.register.rules.completeness import Completeness, Word, assess

_ROOMS: Final = GivenMany("rooms", TextField())
_KIOSK: Final = (
    *("site", "room", "kiosk", "is_listed", "is_online", "availability_at"),
    *("health", "health_at", "health_signature", "retired_at"),
)


def _kiosks() -> QuerySet[Kiosk, tuple[Any, ...]]:
    return Kiosk.objects.values_list(*_KIOSK)


def _outboxes() -> QuerySet[Outbox, tuple[Any, ...]]:
    """Select the outboxes, each with the time of the event at its watermark, if that is certain."""
    at_watermark = Event.objects.filter(
        outbox_id=OuterRef("outbox_id"), sequence=OuterRef("watermark"), clock="synchronised"
    )
    return Outbox.objects.values_list(*COLUMNS, Subquery(at_watermark.values("scanned_at")[:1]))


_KIOSKS_IN: Final = Prepared(lambda: _kiosks().filter(room__among=_ROOMS))
_OUTBOXES_IN: Final = Prepared(lambda: _outboxes().filter(room__among=_ROOMS))


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


def load_door_statuses(now: datetime, rooms: Collection[str] | None = None) -> list[DoorStatus]:
    """Return the kiosks that were heard or are listed, by address; one for each outbox file.

    Args:
        now: The current time.
        rooms: Only the kiosks of these rooms; ``None`` for all.
    """
    if rooms is None:
        found = _statuses(plain(_kiosks()), plain(_outboxes()), now)
    else:
        found = _statuses(_KIOSKS_IN.rows(rooms=rooms), _OUTBOXES_IN.rows(rooms=rooms), now)
    return sorted(found, key=_place)


def _statuses(
    kiosks: Iterable[tuple[Any, ...]], outboxes: Iterable[tuple[Any, ...]], now: datetime
) -> Iterator[DoorStatus]:
    """Yield the status of each outbox, and of each kiosk without one."""
    rows = {KioskAddress(*one[:3]): one[3:] for one in kiosks}
    silent = set(rows)
    for *columns, last_event_at in outboxes:
        outbox = state_of(tuple(columns))
        silent.discard(outbox.address)
        row = rows.get(outbox.address, ())
        yield _status(outbox.address, row, outbox, as_utc(last_event_at), now)
    for address in silent:
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


def _place(status: DoorStatus) -> tuple[str, str, str, str]:
    address = status.address
    outbox_id = status.outbox.outbox_id if status.outbox else ""
    return address.site, address.room, address.kiosk, outbox_id
