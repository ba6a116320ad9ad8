"""Load and save who uses each kiosk's name."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from kiosk.decoder import decoder_of
from kiosk.protocol.topics import KioskAddress
from kiosk.register.identity.name_use import NameUse, hear
from kiosk.register.messages.arrival import HealthReading, Voice
from kiosk.register.models import NameUseRow

_KEY = ("site", "room", "kiosk")


def note_voices(readings: Iterable[HealthReading]) -> None:
    """Note who has spoken; retained messages, which may be of any age, do not count."""
    heard: dict[KioskAddress, list[Voice]] = {}
    for one in readings:
        if one.voice is not None and not one.arrival.is_retained:
            heard.setdefault(one.address, []).append(one.voice)
    if not heard:
        return
    before = load_name_uses({one.site for one in heard})
    rows = []
    for address, voices in heard.items():
        use = before.get(address, NameUse())
        for voice in voices:
            use = hear(use, voice)
        if use != before.get(address):
            rows.append(_row_of(address, use))
    NameUseRow.objects.bulk_create(
        sorted(rows, key=lambda row: (row.site, row.room, row.kiosk)),  # so no instance waits
        update_conflicts=True,
        unique_fields=_KEY,
        update_fields=["use"],
    )


def load_name_uses(sites: Iterable[str] | None = None) -> dict[KioskAddress, NameUse]:
    """Return who uses which name; of all sites by default."""
    rows = NameUseRow.objects.all()
    if sites is not None:
        rows = rows.filter(site__in=sites)
    return {
        KioskAddress(row.site, row.room, row.kiosk): decoder_of(NameUse).decode(row.use)
        for row in rows
    }


def shared_names(now: datetime) -> frozenset[KioskAddress]:
    """Return the names that two kiosks use."""
    return frozenset(one for one, use in load_name_uses().items() if use.is_shared(now))


def _row_of(address: KioskAddress, use: NameUse) -> NameUseRow:
    text = msgspec.json.encode(use).decode()
    return NameUseRow(site=address.site, room=address.room, kiosk=address.kiosk, use=text)
