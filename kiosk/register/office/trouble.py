"""What is wrong with a kiosk, from what it says of itself; pure."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from kiosk.protocol.health import Health
from kiosk.register.rules.completeness import Completeness

DISK_MIN_MB: Final = 500
HOT_C: Final = 80.0
"""From here on a Raspberry Pi makes its processor slower."""
FACES_MIN: Final = 100
REFUSED_SHARE: Final = 0.6


class Trouble(StrEnum):
    """Something that a technician should look at; the first ones are the worst."""

    OFFLINE = "offline"
    NO_HEALTH = "no health"
    UNREADABLE = "unreadable"
    CAMERA = "camera"
    NOBODY = "nobody enrolled"
    DROPPED = "dropped"
    IN_MEMORY = "in memory"
    SET_ASIDE = "set aside"
    MISSING = "missing"
    CLOCK = "clock"
    POWER = "power"
    DISK = "disk"
    HOT = "hot"
    REFUSES = "refuses"


BAD: Final = frozenset(
    {Trouble.OFFLINE, Trouble.CAMERA, Trouble.DROPPED, Trouble.IN_MEMORY, Trouble.NOBODY}
)
"""With these, events are lost or nobody is recognised; the others are warnings."""


def troubles(facts: Completeness, health: Health | None, *, is_readable: bool) -> list[Trouble]:
    """Return what is wrong with a kiosk, the worst first.

    Args:
        facts: How far its events can be relied on.
        health: Its newest health message; ``None`` without one that can be read.
        is_readable: There is none, or it can be read.
    """
    found = list(_of_completeness(facts))
    if health is not None:
        found += _of_health(health)
    else:
        found.append(Trouble.NO_HEALTH if is_readable else Trouble.UNREADABLE)
    order = list(Trouble)
    return sorted(found, key=order.index)


def is_blind(health: Health | None) -> bool:
    """Return whether a kiosk has said that its camera shows nothing that can be used."""
    return health is not None and health.camera not in {"ok", "starting"}


def refusals(health: Health) -> list[tuple[str, int, float]]:
    """Return why faces could not vote: reason, count and share of all faces, the first the most."""
    seen = max(health.faces_seen, 1)
    rows = [(reason, count, count / seen) for reason, count in health.faces_refused.items()]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def _of_completeness(facts: Completeness) -> Iterator[Trouble]:
    if facts.offline_since is not None:
        yield Trouble.OFFLINE
    if facts.missing:
        yield Trouble.MISSING


def _of_health(health: Health) -> Iterator[Trouble]:
    disk, heat = health.disk_free_mb, health.temperature_c
    worst = refusals(health)[:1]
    checks = (
        (is_blind(health), Trouble.CAMERA),
        (not health.people, Trouble.NOBODY),
        (health.dropped > 0, Trouble.DROPPED),
        (health.in_memory > 0, Trouble.IN_MEMORY),
        (health.set_aside > 0, Trouble.SET_ASIDE),
        (health.clock != "synchronised", Trouble.CLOCK),
        (health.under_voltage is True, Trouble.POWER),
        (disk is not None and disk < DISK_MIN_MB, Trouble.DISK),
        (heat is not None and heat >= HOT_C, Trouble.HOT),
        (
            health.faces_seen >= FACES_MIN and any(share >= REFUSED_SHARE for *_, share in worst),
            Trouble.REFUSES,
        ),
    )
    return (trouble for is_wrong, trouble in checks if is_wrong)
