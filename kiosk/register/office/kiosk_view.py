"""What the pages show of each kiosk."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Subquery

from kiosk.errors import PayloadError
from kiosk.protocol.health import Health, decode_health
from kiosk.protocol.topics import KioskAddress
from kiosk.register.completeness import Completeness
from kiosk.register.models import Event, Kiosk
from kiosk.register.office.trouble import BAD, Trouble, troubles
from kiosk.register.status import KioskStatus, load_statuses


@dataclass(frozen=True, slots=True, kw_only=True)
class KioskView:
    """A kiosk with everything that is known of it.

    Attributes:
        address: The kiosk.
        is_listed: It is in the imported list of kiosks.
        outboxes: Its outbox files, the one in use first.
        health: Its newest health message; ``None`` without one that can be read.
        health_at: When that arrived.
        last_event_at: The time of its newest event.
        troubles: What is wrong, the worst first.
    """

    address: KioskAddress
    is_listed: bool
    outboxes: tuple[KioskStatus, ...]
    health: Health | None
    health_at: datetime | None
    last_event_at: datetime | None
    troubles: tuple[Trouble, ...]

    @property
    def name(self) -> str:
        """Site, room and kiosk, as a key of live updates has them."""
        return f"{self.address.site}/{self.address.room}/{self.address.kiosk}"

    @property
    def completeness(self) -> Completeness:
        """How far its events can be relied on."""
        return self.outboxes[0].completeness

    @property
    def level(self) -> str:
        """The class of a status in the style: "bad", "warn" or "good"."""
        if any(one in BAD for one in self.troubles):
            return "bad"
        return "warn" if self.troubles else "good"


def load_kiosks(now: datetime) -> list[KioskView]:
    """Return every kiosk that was heard or is listed: those in trouble first, then by address."""
    statuses: dict[KioskAddress, list[KioskStatus]] = {}
    for one in load_statuses(now):
        statuses.setdefault(one.address, []).append(one)
    rows = {KioskAddress(row.site, row.room, row.kiosk): row for row in _rows()}
    views = [_view(address, found, rows.get(address)) for address, found in statuses.items()]
    levels = ("bad", "warn", "good")
    return sorted(views, key=lambda one: (levels.index(one.level), one.name))


def load_kiosk(address: KioskAddress, now: datetime) -> KioskView | None:
    """Return one kiosk; ``None`` if it was never heard and is not listed."""
    return next((one for one in load_kiosks(now) if one.address == address), None)


def _rows() -> Iterable[Kiosk]:
    events = Event.objects.filter(
        site=OuterRef("site"), room=OuterRef("room"), kiosk=OuterRef("kiosk")
    )
    newest = events.order_by("-scanned_at").values("scanned_at")[:1]
    return Kiosk.objects.annotate(last_event_at=Subquery(newest))


def _view(address: KioskAddress, statuses: list[KioskStatus], row: Kiosk | None) -> KioskView:
    """Put together what is known; a kiosk that only sent events has no row of its own."""
    health, is_readable = health_of(row)
    current = health.outbox_id if health else ""
    outboxes = sorted(
        statuses, key=lambda one: one.outbox is None or one.outbox.outbox_id != current
    )
    found = troubles(outboxes[0].completeness, health, is_readable=is_readable)
    return KioskView(
        address=address,
        is_listed=statuses[0].is_listed,
        outboxes=tuple(outboxes),
        health=health,
        health_at=row.health_at if row else None,
        last_event_at=getattr(row, "last_event_at", None) or _last_event(address),
        troubles=tuple(found),
    )


def health_of(row: Kiosk | None) -> tuple[Health | None, bool]:
    """Return the health message, and whether there is none or it can be read."""
    if row is None or not row.health:
        return None, True
    try:
        return decode_health(bytes(row.health)), True
    except PayloadError:
        return None, False


def _last_event(address: KioskAddress) -> datetime | None:
    events = Event.objects.filter(site=address.site, room=address.room, kiosk=address.kiosk)
    return events.order_by("-scanned_at").values_list("scanned_at", flat=True).first()
