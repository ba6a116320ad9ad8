"""What the register knows of each kiosk now, for commands and pages."""

from dataclasses import dataclass, fields
from datetime import datetime

from kiosk.register.identity.key_table import load_keys
from kiosk.register.identity.keys import Keys, KeyState
from kiosk.register.identity.name_use_table import shared_names
from kiosk.register.ingest.ranges import Range, Ranges, union
from kiosk.register.models import Gap
from kiosk.register.overview.door_status import DoorStatus, load_door_statuses


@dataclass(frozen=True, slots=True, kw_only=True)
class KioskStatus(DoorStatus):
    """A kiosk with one of its outbox files.

    Attributes:
        gone: Numbers that the kiosk had no longer when they were requested.
        is_name_shared: Two kiosks use this name.
        key: Whether its signatures are trusted.
    """

    gone: Ranges
    is_name_shared: bool
    key: KeyState


def load_statuses(now: datetime) -> list[KioskStatus]:
    """Return every kiosk that was heard or is listed, by address; one for each outbox file."""
    gone, shared, keys = _load_gone(), shared_names(now), load_keys()
    return [
        KioskStatus(
            **{one.name: getattr(door, one.name) for one in fields(door)},
            gone=union(gone.get(door.outbox.outbox_id, ())) if door.outbox else (),
            is_name_shared=door.address in shared,
            key=keys.get(door.address, Keys()).state,
        )
        for door in load_door_statuses(now)
    ]


def _load_gone() -> dict[str, list[Range]]:
    gone: dict[str, list[Range]] = {}
    for gap in Gap.objects.all():
        gone.setdefault(gap.outbox_id, []).append((gap.first, gap.last))
    return gone
