"""Make events: what is equal in all of them, and their bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import uuid_utils
from msgspec import UNSET

from kiosk.config.keys import KioskSection
from kiosk.config.timetable import ClassSession
from kiosk.daemon.times.steady_clock import SteadyClock
from kiosk.outbox.rows import Build
from kiosk.protocol.event import BaseEvent, encode
from kiosk.protocol.topics import KioskAddress


@dataclass(frozen=True, slots=True)
class EventMaker:
    """Makes the events of one kiosk.

    Attributes:
        names: The kiosk's names.
        outbox_id: Where they are stored.
        clock: The time, and whether it is certain.
        sign: Signs the bytes of an event.
    """

    names: KioskSection
    outbox_id: str
    clock: SteadyClock
    sign: Callable[[bytes], bytes]

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the times in events."""
        return ZoneInfo(self.names.timezone)

    def base(self, session: ClassSession) -> dict[str, Any]:
        """Return the fields of every event that is made now; the outbox gives the true sequence."""
        now = self.clock.utc()
        return {
            # Of our own time: the library fails where the system's is before 1970.
            "event_id": str(uuid_utils.uuid7(nanoseconds=int(now.timestamp() * 1000) * 1_000_000)),
            "outbox_id": self.outbox_id,
            "sequence": 1,
            "site": self.names.site,
            "room": self.names.room,
            "kiosk": self.names.id,
            "session": str(session),
            "time": time_text(now, self.zone),
            "clock": "synchronised" if self.clock.synchronised() else "unsynchronised",
            "boot_id": self.clock.boot_id(),
            "monotonic_s": round(self.clock.monotonic_s(), 3),
        }

    def build(self, event: BaseEvent) -> Build:
        """Return what gives an event its number, its topic and its bytes."""
        topic = KioskAddress.of(self.names).topic_of(event)

        def numbered(sequence: int) -> tuple[str, str, bytes]:
            return event.event_id, topic, self.encoded(event, sequence=sequence)

        return numbered

    def encoded(self, event: BaseEvent, **changes: object) -> bytes:
        """Return the signed bytes of an event, with some fields changed."""
        return self.sign(encode(msgspec.structs.replace(event, signature=UNSET, **changes)))


def time_text(moment: datetime, zone: ZoneInfo) -> str:
    """Return a local time as it stands in events.

    In UTC where the local offset has seconds, as before 1972 in Liberia: RFC 3339 knows none.
    """
    local = moment.astimezone(zone)
    offset = local.utcoffset()
    if offset is not None and offset.total_seconds() % 60:
        local = moment.astimezone(UTC)
    return local.isoformat(timespec="milliseconds")
