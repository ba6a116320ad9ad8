"""What the pages show of each kiosk."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import OuterRef, Subquery

from kiosk.errors import PayloadError
from kiosk.protocol.health import Health, decode_health
from kiosk.protocol.topics import KioskAddress
from kiosk.register.alphabet import sort_key
from kiosk.register.audit import tell
from kiosk.register.ingest.bin_table import make_due
from kiosk.register.messages.arrival import Reason
from kiosk.register.models import Account, Event, Kiosk, KioskAlert, Outbox
from kiosk.register.office.trouble import BAD, Trouble, troubles
from kiosk.register.overview.status import KioskStatus, load_statuses
from kiosk.register.rules.completeness import Completeness


@dataclass(frozen=True, slots=True, kw_only=True)
class KioskView:
    """A kiosk with everything that is known of it.

    Attributes:
        address: The kiosk.
        is_listed: It is in the imported list of kiosks.
        outboxes: Its outbox files, the one in use first.
        health: Its newest health message; ``None`` without one that can be read.
        health_at: When that arrived.
        signature: Whether that is signed
            (:data:`kiosk.register.identity.keys.SignatureState`); "" if it is not known.
        refused_at: When another one was refused for its signature, if that was later.
        last_event_at: The time of its newest event.
        troubles: What is wrong, the worst first.
        retired_at: Since when it is out of service; ``None`` while it is not.
    """

    address: KioskAddress
    is_listed: bool
    outboxes: tuple[KioskStatus, ...]
    health: Health | None
    health_at: datetime | None
    signature: str
    refused_at: datetime | None
    last_event_at: datetime | None
    troubles: tuple[Trouble, ...]
    retired_at: datetime | None = None

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
    rows = {KioskAddress(row.site, row.room, row.kiosk): row for row in Kiosk.objects.all()}
    last = _last_events()
    views = [
        _view(address, found, rows.get(address), last.get(address))
        for address, found in statuses.items()
    ]
    levels = ("bad", "warn", "good")
    return sorted(views, key=lambda one: (levels.index(one.level), sort_key(one.name)))


def set_service(address: KioskAddress, account: Account, now: datetime, *, is_in: bool) -> None:
    """Take a kiosk out of service, or put it back.

    Its messages are stored as before; only lessons that begin while it is out do not wait for it.
    """
    facts = {
        "retired_at": None if is_in else now,
        "retired_by": None if is_in else account,
    }
    with transaction.atomic():
        Kiosk.objects.update_or_create(
            site=address.site, room=address.room, kiosk=address.kiosk, defaults=facts
        )
        if not is_in:  # what is no longer watched is over
            where = {"site": address.site, "room": address.room, "kiosk": address.kiosk}
            KioskAlert.objects.filter(**where, end=None).update(end=now)
        tell("kiosk", [str(address)], now)


def admit(address: KioskAddress, now: datetime) -> None:
    """Add a kiosk to the list, so that its events are accepted, also those in the bin."""
    with transaction.atomic():
        Kiosk.objects.update_or_create(
            site=address.site,
            room=address.room,
            kiosk=address.kiosk,
            defaults={"is_listed": True},
        )
        make_due([Reason.UNKNOWN_KIOSK], now, address)
        tell("kiosk", [str(address)], now)


def load_kiosk(address: KioskAddress, now: datetime) -> KioskView | None:
    """Return one kiosk; ``None`` if it was never heard and is not listed."""
    return next((one for one in load_kiosks(now) if one.address == address), None)


def _last_events() -> dict[KioskAddress, datetime]:
    """Return the time of each kiosk's newest event; one that only sent events has no row itself."""
    events = Event.objects.filter(
        site=OuterRef("site"), room=OuterRef("room"), kiosk=OuterRef("kiosk")
    )
    newest = Subquery(events.order_by("-scanned_at").values("scanned_at")[:1])
    columns = ("site", "room", "kiosk")
    kiosks = Kiosk.objects.values_list(*columns).annotate(at=newest)
    outboxes = Outbox.objects.values_list(*columns).annotate(at=newest)
    return {
        KioskAddress(site, room, kiosk): at
        for site, room, kiosk, at in [*kiosks, *outboxes]
        if at is not None
    }


def _view(
    address: KioskAddress,
    statuses: list[KioskStatus],
    row: Kiosk | None,
    last_event_at: datetime | None,
) -> KioskView:
    """Put together what is known; a kiosk that only sent events has no row of its own."""
    health, is_readable = read_health(row.health if row else None)
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
        signature=row.health_signature if row else "",
        refused_at=_refused_at(row),
        last_event_at=last_event_at,
        troubles=tuple(found),
        retired_at=statuses[0].retired_at,
    )


def _refused_at(row: Kiosk | None) -> datetime | None:
    if row is None or row.health_refused_at is None:
        return None
    is_news = row.health_at is None or row.health_refused_at > row.health_at
    return row.health_refused_at if is_news else None


def read_health(payload: bytes | memoryview | None) -> tuple[Health | None, bool]:
    """Return the health message, and whether there is none or it can be read."""
    if not payload:
        return None, True
    try:
        return decode_health(bytes(payload)), True
    except PayloadError:
        return None, False
