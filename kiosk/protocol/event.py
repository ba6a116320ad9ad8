"""The events that the kiosk publishes, and their JSON Schema.

An event states who was at which door, in which class session and when, and how certain the kiosk
was; or it corrects the time of an earlier one. It holds no name and no image. :data:`Event` is a
union of the event types, tagged by ``type``; each type has a topic of its own
(:mod:`kiosk.protocol.topics`). ``event.schema.json`` beside this file is generated from these types
(``kiosk schema``), and ``asyncapi.yaml`` from those of all messages; a test keeps them equal.

Events are written strictly and read tolerantly: :func:`encode` rejects a field that breaks the
schema; :func:`decode` ignores a field that it does not know, and returns an
:class:`UnknownEvent` for a type or a schema version that it does not know.

A new event type is a subclass of :class:`BaseEvent`, or of :class:`PersonEvent`, that joins
:data:`Event`.
"""

from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kiosk.protocol.descriptions import without_indentation
from kiosk.protocol.payload import decode_payload, encode_payload

SCHEMA_VERSION: Final = 1
SCHEMA_ID: Final = "urn:attendance-kiosk:event:1"

_UUID: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-%s[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
Uuid4 = Annotated[str, Meta(pattern=_UUID % "4")]
Uuid7 = Annotated[str, Meta(pattern=_UUID % "7")]
Timestamp = Annotated[
    str,
    Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$", description="RFC 3339"),
]
Count = Annotated[int, Meta(ge=1)]
Signature = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{86}$", description="Ed25519, base64url")]
CardNumber = Annotated[str, Meta(pattern=r"^[A-Z2-7]{8}$", description="Number of a card, base32")]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Score = Annotated[float, Meta(ge=-1, le=1)]


class DecisionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of the kiosk's decision, without any image.

    Score, margin and threshold are comparable only within one model. ``gallery_version`` and
    ``gallery_hash`` say who was enrolled; a kiosk before version 0.2 sent neither.
    """

    score: Score
    margin: Annotated[float, Meta(ge=0, le=2)]
    threshold: Score
    votes: Count
    frames: Count
    quality: Fraction
    model_id: str
    gallery_version: Annotated[int, Meta(ge=0)] | None = None
    gallery_hash: str | None = None


class BaseEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """The fields of every event type.

    ``clock`` says whether the system clock was synchronised when ``time`` was read. A kiosk has no
    real-time clock: after a power cut without network ``time`` may be wrong, while ``boot_id``
    with ``monotonic_s`` still orders the events of one boot. ``sequence`` orders and counts the
    events of one outbox file, which ``outbox_id`` names; a kiosk before version 0.2 sent none.
    ``signature`` is the last field (:mod:`kiosk.protocol.signature`).
    """

    schema_version: Literal[1] = 1
    event_id: Uuid7
    outbox_id: Uuid4 | None = None
    sequence: Count
    site: str
    room: str
    kiosk: str
    session: str
    time: Timestamp
    clock: Literal["synchronised", "unsynchronised"]
    boot_id: str
    monotonic_s: Annotated[float, Meta(ge=0)]
    signature: Signature | UnsetType = UNSET


class PersonEvent(BaseEvent, frozen=True, kw_only=True):
    """The fields of every event that names a person.

    ``method`` says how the person was recognised; an event of a card ("qr") has no ``decision``,
    and says which ``card`` it was. A kiosk before version 0.2 sent neither.
    """

    subject_id: str
    method: Literal["face", "qr"] = "face"
    card: CardNumber | UnsetType = UNSET
    decision: DecisionRecord | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Check what no single field says.

        Raises:
            ValueError: A face was recognised without a decision; msgspec makes this its own error.
        """
        if self.method == "face" and self.decision is UNSET:
            raise ValueError("an event of a face without `decision`")


class AttendanceEvent(PersonEvent, frozen=True, kw_only=True, tag="attendance"):
    """A person was seen at the door; one event for each person and class session."""

    direction: Literal["left", "right", "toward"] | None = None


class ParticipationEvent(PersonEvent, frozen=True, kw_only=True, tag="participation"):
    """A person was seen while the teacher had opened a window for participation.

    ``count`` is this person's own count in the class session, this event included.
    """

    count: Count


class TimeCorrectionEvent(BaseEvent, frozen=True, kw_only=True, tag="time-correction"):
    """The right time of an earlier event, which was sent with a clock that was not synchronised.

    ``corrects`` is the ``event_id`` of that event, which stays as it is; it was of the same boot.
    ``corrected_time`` is when it was, and ``session`` the class session of that time. ``time`` and
    ``monotonic_s`` are those of the correction.
    """

    corrects: Uuid7
    corrected_time: Timestamp


Event: TypeAlias = AttendanceEvent | ParticipationEvent | TimeCorrectionEvent
"""All event types of this version."""


def event_type(event: BaseEvent | type[BaseEvent]) -> str:
    """Return the value of the field ``type``, which also ends the event's topic."""
    return str(event.__struct_config__.tag)


def subject_of(event: BaseEvent) -> str:
    """Return whom an event names; empty for one that names nobody."""
    return event.subject_id if isinstance(event, PersonEvent) else ""


def card_of(event: BaseEvent) -> str:
    """Return the number of the card that an event was made of; empty without one."""
    return (event.card or "") if isinstance(event, PersonEvent) else ""


EVENT_TYPES: Final = tuple(event_type(one) for one in get_args(Event))
_OF_PERSONS: Final = [event_type(one) for one in get_args(Event) if issubclass(one, PersonEvent)]


class UnknownEvent(msgspec.Struct, frozen=True):
    """An event of a type, or of a schema version, that this version of the software does not know.

    A reader counts it and continues; it is not an error.
    """

    schema_version: int
    type: str


def encode(event: BaseEvent) -> bytes:
    """Write an event as JSON.

    Raises:
        PayloadError: A field breaks the schema.
    """
    return encode_payload(event, lambda payload: _decode(payload, type(event)))


def decode(payload: bytes) -> Event | UnknownEvent:
    """Read an event; ignore fields that this version does not know.

    Raises:
        PayloadError: The payload is not JSON, or not an event.
    """
    header: UnknownEvent = _decode(payload, UnknownEvent)
    if header.schema_version != SCHEMA_VERSION or header.type not in EVENT_TYPES:
        return header
    event: Event = _decode(payload, Event)
    return event


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of :data:`Event`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Event of an attendance kiosk",
        **without_indentation(msgspec.json.schema(Event)),
        "if": {
            "required": ["type", "subject_id"],
            "properties": {"type": {"enum": _OF_PERSONS}, "method": {"const": "face"}},
        },
        "then": {"required": ["decision"]},
    }


def _decode(payload: bytes, wanted: Any) -> Any:  # noqa: ANN401 - a union is no type to mypy
    return decode_payload(payload, wanted, f"an event of schema {SCHEMA_VERSION}")
