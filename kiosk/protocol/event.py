"""The event that the kiosk publishes, and its JSON Schema.

One attendance event says: this person was at this door, in this class session, at this time, and
this is how sure we were. It holds no name and no image. ``kiosk/event.schema.json`` is generated
from these types (``kiosk schema``); a test keeps the two equal.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from kiosk.errors import PayloadError

SCHEMA_VERSION = 1
SCHEMA_ID = "urn:attendance-kiosk:event:1"

Uuid7 = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
]
Timestamp = Annotated[
    str,
    Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$", description="RFC 3339"),
]
Count = Annotated[int, Meta(ge=1)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Score = Annotated[float, Meta(ge=-1, le=1)]


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A JSON object that is closed to keys it does not know."""


class DecisionRecord(Record, frozen=True, kw_only=True):
    """Why the kiosk was sure, without any image.

    Score, margin and threshold compare with each other, and with those of the same model alone.
    """

    score: Score
    margin: Annotated[float, Meta(ge=0, le=2)]
    threshold: Score
    votes: Count
    frames: Count
    quality: Fraction
    model_id: str


class Event(Record, frozen=True, kw_only=True):
    """One attendance event.

    ``clock`` says whether the system clock was synchronised when ``time`` was read; a kiosk has no
    real-time clock, so after a power cut without network ``time`` may be wrong, while ``boot_id``
    with ``monotonic_s`` still orders the events of one boot and ``sequence`` those of one kiosk.
    """

    schema_version: Literal[1] = 1
    event_id: Uuid7
    type: Literal["attendance"] = "attendance"
    site: str
    room: str
    kiosk: str
    subject_id: str
    session: str
    time: Timestamp
    clock: Literal["synchronised", "unsynchronised"]
    boot_id: str
    monotonic_s: Annotated[float, Meta(ge=0)]
    sequence: Count
    direction: Literal["left", "right", "toward"] | None = None
    decision: DecisionRecord


def encode(event: Event) -> bytes:
    """Write an event as JSON."""
    return msgspec.json.encode(event)


def decode(payload: bytes) -> Event:
    """Read an event.

    Raises:
        PayloadError: The payload is no JSON, or not an event of this schema version.
    """
    try:
        return msgspec.json.decode(payload, type=Event)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise PayloadError(f"not an attendance event of schema {SCHEMA_VERSION}: {exc}") from exc


def schema() -> dict[str, Any]:
    """Build the JSON Schema (draft 2020-12) of :class:`Event`."""
    body = msgspec.json.schema(Event)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Attendance event",
        **body,
    }
