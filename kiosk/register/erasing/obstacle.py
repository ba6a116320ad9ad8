"""Why a kiosk can be given no orders, or would carry out none; pure."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from kiosk.errors import PayloadError
from kiosk.protocol.health import Health, decode_health
from kiosk.register.models import Kiosk

Obstacle: TypeAlias = Literal["", "silent", "untrusted", "old", "no key", "other key"]
"""None; it has never reported, or not what can be read; its reports are not signed with a key that
this register trusts; its software is too old; it trusts no register, or another one."""


@dataclass(frozen=True, slots=True)
class Ability:
    """Whether a kiosk takes orders.

    Attributes:
        sealing_key: What its orders are sealed with; "" while they cannot be.
        obstacle: Why a person must erase there.
    """

    sealing_key: str
    obstacle: Obstacle


def ability_of(kiosk: Kiosk | None, own_key: str) -> Ability:
    """Return whether a kiosk takes orders of the register with this public key.

    One that only lacks the register's key gets its orders: it carries them out once it has the key.
    """
    health = _health(kiosk)
    if kiosk is None or health is None:
        return Ability("", "silent")
    if kiosk.health_signature != "signed":
        is_old = health.sealing_key is None
        return Ability("", "old" if is_old else "untrusted")
    if health.sealing_key is None:
        return Ability("", "old")
    if health.register_key is None:
        return Ability(health.sealing_key, "no key")
    return Ability(health.sealing_key, "" if health.register_key == own_key else "other key")


def _health(kiosk: Kiosk | None) -> Health | None:
    try:
        return decode_health(bytes(kiosk.health)) if kiosk and kiosk.health else None
    except PayloadError:
        return None
