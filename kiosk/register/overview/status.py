"""What the register knows of each kiosk now, for commands and pages."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import OuterRef, Subquery

from kiosk.protocol.topics import KioskAddress
from kiosk.register.identity.key_table import load_keys
from kiosk.register.identity.keys import Keys, KeyState
from kiosk.register.identity.name_use_table import shared_names
from kiosk.register.ingest.outbox_state import OutboxState
from kiosk.register.ingest.outbox_table import load_states
from kiosk.register.ingest.ranges import Range, Ranges, union
from kiosk.register.models import Event, Gap, Kiosk, Outbox
from kiosk.register.rules.completeness import Completeness, Word, assess


@dataclass(frozen=True, slots=True, kw_only=True)
class KioskStatus:
    """A kiosk with one of its outbox files.

    Attributes:
        address: The kiosk.
        is_listed: It is in the imported list of kiosks.
        outbox: Its outbox; ``None`` if no numbered event of it is known.
        gone: Numbers that the kiosk had no longer when they were requested.
        completeness: How far its events can be relied on.
        is_name_shared: Two kiosks use this name.
        key: Whether its signatures are trusted.
        retired_at: Since when it is out of service; ``None`` while it is not.
        health_signature: Whether its newest health is signed
            (:data:`kiosk.register.identity.keys.SignatureState`); "" if it is not known.
    """

    address: KioskAddress
    is_listed: bool
    outbox: OutboxState | None
    gone: Ranges
    completeness: Completeness
    is_name_shared: bool = False
    key: KeyState = "none"
    retired_at: datetime | None = None
    health_signature: str = ""


def load_statuses(now: datetime, rooms: Collection[str] | None = None) -> list[KioskStatus]:
    """Return every kiosk that was heard or is listed, by address; one for each outbox file.

    Args:
        now: The current time.
        rooms: Only the kiosks of these rooms; ``None`` for all.
    """
    found = Kiosk.objects.all() if rooms is None else Kiosk.objects.filter(room__in=rooms)
    kiosks = {KioskAddress(one.site, one.room, one.kiosk): one for one in found}
    states = load_states(rooms=rooms)
    gone = _load_gone(None if rooms is None else [one.outbox_id for one in states])
    last_events = _load_last_events(states)
    statuses = [
        _status(
            one.address,
            kiosks.get(one.address),
            one,
            union(gone.get(one.outbox_id, ())),
            last_events.get(one.outbox_id),
            now,
        )
        for one in states
    ]
    silent = set(kiosks) - {one.address for one in states}
    statuses += [_status(one, kiosks[one], None, (), None, now) for one in silent]
    addresses = {one.address for one in statuses}
    shared = shared_names(now, addresses)
    keys = load_keys(None if rooms is None else addresses)
    statuses = [
        replace(
            one,
            is_name_shared=one.address in shared,
            key=keys.get(one.address, Keys()).state,
        )
        for one in statuses
    ]
    return sorted(statuses, key=_place)


def _load_gone(outbox_ids: Collection[str] | None) -> dict[str, list[Range]]:
    gaps = Gap.objects.all() if outbox_ids is None else Gap.objects.filter(outbox_id__in=outbox_ids)
    gone: dict[str, list[Range]] = {}
    for gap in gaps:
        gone.setdefault(gap.outbox_id, []).append((gap.first, gap.last))
    return gone


def _load_last_events(states: Iterable[OutboxState]) -> dict[str, datetime]:
    """Return the time of the event at each watermark, where its clock was synchronised."""
    at_watermark = Event.objects.filter(
        outbox_id=OuterRef("outbox_id"), sequence=OuterRef("watermark"), clock="synchronised"
    )
    outboxes = Outbox.objects.filter(outbox_id__in=[one.outbox_id for one in states])
    times = outboxes.values_list("outbox_id", Subquery(at_watermark.values("scanned_at")[:1]))
    return {outbox_id: at for outbox_id, at in times if at is not None}


def _status(
    address: KioskAddress,
    kiosk: Kiosk | None,
    outbox: OutboxState | None,
    gone: Ranges,
    last_event_at: datetime | None,
    now: datetime,
) -> KioskStatus:
    word = Word() if kiosk is None else _word(kiosk)
    completeness = assess(
        word,
        covered_at=outbox.covered_at if outbox else None,
        last_event_at=last_event_at,
        missing=outbox.missing_count if outbox else 0,
        now=now,
    )
    is_listed = kiosk is not None and kiosk.is_listed
    return KioskStatus(
        address=address,
        is_listed=is_listed,
        outbox=outbox,
        gone=gone,
        completeness=completeness,
        retired_at=kiosk.retired_at if kiosk is not None else None,
        health_signature=kiosk.health_signature if kiosk else "",
    )


def _word(kiosk: Kiosk) -> Word:
    return Word(
        is_online=kiosk.is_online,
        availability_at=kiosk.availability_at,
        health_at=kiosk.health_at,
    )


def _place(status: KioskStatus) -> tuple[str, str, str, str]:
    address = status.address
    outbox_id = status.outbox.outbox_id if status.outbox else ""
    return address.site, address.room, address.kiosk, outbox_id
