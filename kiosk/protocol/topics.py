"""The topic tree, and what stands on the availability topic.

::

    kiosk/v1/<site>/<room>/<kiosk>/attendance      one event each, QoS 1, never retained
    kiosk/v1/<site>/<room>/<kiosk>/availability    online or offline, QoS 1, retained

``v1`` is the version of this tree; the version of the events stands in the events.
"""

from dataclasses import dataclass
from typing import Final

ROOT: Final = "kiosk/v1"
ATTENDANCE: Final = "attendance"
AVAILABILITY: Final = "availability"
ATTENDANCE_FILTER: Final = f"{ROOT}/+/+/+/{ATTENDANCE}"
"""Subscription to the events of every kiosk."""
AVAILABILITY_FILTER: Final = f"{ROOT}/+/+/+/{AVAILABILITY}"
"""Subscription to the availability of every kiosk."""


@dataclass(frozen=True, slots=True)
class KioskAddress:
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


def address_of(topic: str) -> KioskAddress | None:
    """Read the place from a topic of this tree; ``None`` for any other topic."""
    levels = topic.split("/")
    if len(levels) != 6 or f"{levels[0]}/{levels[1]}" != ROOT:
        return None
    if levels[5] not in {ATTENDANCE, AVAILABILITY}:
        return None
    return KioskAddress(site=levels[2], room=levels[3], kiosk=levels[4])
