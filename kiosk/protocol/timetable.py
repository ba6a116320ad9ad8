"""The retained message that tells a kiosk the lessons of its room in the next days.

The register publishes it on the kiosk's topic "timetable". A kiosk names the id of the lesson as
the class session of its events, so the register places them without guessing. Outside of these
lessons, and after ``until``, a kiosk uses its own configuration.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from kiosk.protocol.event import Timestamp
from kiosk.protocol.payload import decode_payload, encode_payload

SESSION_MAX = 200
"""Longest class session that an event may name."""
TIMETABLE_MAX = 1 << 18
"""Bytes of the largest message; 14 days of a room have about 200 lessons of 120 bytes."""


class TimetableLesson(msgspec.Struct, frozen=True, kw_only=True):
    """A lesson on one date.

    Attributes:
        session: What events of this lesson name as their class session.
        starts_at: Start, included.
        ends_at: End, not included.
    """

    session: Annotated[str, Meta(min_length=1, max_length=SESSION_MAX)]
    starts_at: Timestamp
    ends_at: Timestamp


class RoomTimetable(msgspec.Struct, frozen=True, kw_only=True):
    """The lessons of a room, by their start. Reading ignores unknown keys.

    Attributes:
        since: The lessons that end after this time are listed.
        until: And begin before this time.
        lessons: The lessons; cancelled ones are left out.
    """

    since: Timestamp
    until: Timestamp
    lessons: tuple[TimetableLesson, ...]


def encode_timetable(timetable: RoomTimetable) -> bytes:
    """Write the message as JSON.

    Raises:
        PayloadError: A field breaks the schema.
    """
    return encode_payload(timetable, decode_timetable)


def decode_timetable(payload: bytes) -> RoomTimetable:
    """Read the message.

    Raises:
        PayloadError: The payload is not such a message.
    """
    timetable: RoomTimetable = decode_payload(
        payload, RoomTimetable, "a timetable", size_max=TIMETABLE_MAX
    )
    return timetable
