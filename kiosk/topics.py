"""The topic tree, and what stands on the availability topic.

::

    kiosk/v1/<site>/<room>/<kiosk>/attendance      one event each, QoS 1, never retained
    kiosk/v1/<site>/<room>/<kiosk>/availability    online or offline, QoS 1, retained

``v1`` is the version of this tree; the version of the events stands in the events.
"""

from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from kiosk.errors import PayloadError

ROOT: Final = "kiosk/v1"
ATTENDANCE: Final = "attendance"
AVAILABILITY: Final = "availability"
ATTENDANCE_FILTER: Final = f"{ROOT}/+/+/+/{ATTENDANCE}"
"""Subscription to the events of every kiosk."""
AVAILABILITY_FILTER: Final = f"{ROOT}/+/+/+/{AVAILABILITY}"
"""Subscription to the availability of every kiosk."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a kiosk stands: the three names of its topics, as the configuration checks them."""

    site: str
    room: str
    kiosk: str

    @property
    def attendance(self) -> str:
        """The topic of this kiosk's events."""
        return f"{ROOT}/{self.site}/{self.room}/{self.kiosk}/{ATTENDANCE}"

    @property
    def availability(self) -> str:
        """The topic that says whether this kiosk is online."""
        return f"{ROOT}/{self.site}/{self.room}/{self.kiosk}/{AVAILABILITY}"

    @property
    def client_id(self) -> str:
        """The MQTT client id of this kiosk; no name holds a colon, so no two kiosks share it."""
        return f"kiosk:{self.site}:{self.room}:{self.kiosk}"


def place_of(topic: str) -> Place | None:
    """Read the place from a topic of this tree; ``None`` for any other topic."""
    levels = topic.split("/")
    if len(levels) != 6 or f"{levels[0]}/{levels[1]}" != ROOT:
        return None
    if levels[5] not in {ATTENDANCE, AVAILABILITY}:
        return None
    return Place(site=levels[2], room=levels[3], kiosk=levels[4])


class Availability(msgspec.Struct, frozen=True, kw_only=True):
    """The retained message on the availability topic.

    It is open to keys it does not know, so that a newer kiosk can say more.

    Attributes:
        state: The kiosk says "online" and, when it is stopped, "offline"; when it vanishes the
            broker says "offline" for it (its last will, LWT).
        boot_id: Which boot of the machine; tells a restarted kiosk from a rebooted one.
        version: Version of the kiosk's software.
    """

    state: Literal["online", "offline"]
    boot_id: str
    version: str

    def as_offline(self) -> "Availability":
        """Return the same with the state "offline"."""
        return msgspec.structs.replace(self, state="offline")


def encode_availability(availability: Availability) -> bytes:
    """Write the message as JSON."""
    return msgspec.json.encode(availability)


def decode_availability(payload: bytes) -> Availability:
    """Read the message.

    Raises:
        PayloadError: The payload is no JSON, or not an availability message.
    """
    try:
        return msgspec.json.decode(payload, type=Availability)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise PayloadError(f"not an availability message: {exc}") from exc
