"""The retained message on a kiosk's state: sent every minute and at each change.

Nobody deletes it: a reader takes a message that is older than a few minutes for "not known".
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kiosk.protocol.event import Signature, Timestamp, Uuid4
from kiosk.protocol.payload import decode_payload, encode_payload
from kiosk.protocol.signature import PublicKey

Number = Annotated[int, Meta(ge=0)]
CameraState = Literal["starting", "ok", "lost", "hung", "black", "covered", "frozen"]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a kiosk. Reading ignores unknown keys, so that a newer kiosk can send more.

    A field without a value is one that the machine does not tell, or that is not known yet.

    Attributes:
        time: When it was sent.
        clock: Whether ``time`` comes from a synchronised clock.
        clock_off_s: How far the system's clock is from what can be right, seconds, after it jumped
            or was behind earlier events; negative: it is behind.
        boot_id: The boot of the machine.
        version: Version of the kiosk's software.
        outbox_id: The outbox in use.
        last_sequence: The number of the newest event ever stored in it; 0 when there was none.
        waiting: Events that no register has confirmed.
        undelivered: Those of them that the broker has not acknowledged.
        in_memory: Events that could not be stored yet.
        dropped: Undelivered events deleted since the outbox was made, because it was full.
        set_aside: Damaged events that are kept apart.
        oldest_waiting_s: Age of the oldest waiting event, seconds.
        camera: "starting": no frame yet; "lost": it failed and is tried again; "hung": it gave no
            frame for a long time, and no error; "black", "covered" and "frozen": its frames are
            dark, without contrast, or always the same.
        last_frame_age_s: Age of the newest frame, seconds.
        frames_per_s: Frames per second since the last message.
        watching_s: For how long the camera has shown something without a break, seconds. Who
            passed before was perhaps not seen, so the register calls nobody absent for it.
        faces_seen: Faces in frames since the process started; a person is in several frames.
        faces_refused: How many of them could not vote, by reason.
        disk_free_mb: Free space where the outbox is, MB.
        temperature_c: Temperature of the processor.
        under_voltage: Whether the power supply is too weak now.
        model_id: The face recogniser.
        people: How many people are enrolled.
        gallery_version: How often the gallery was changed; by its own counter, or the counter of
            the gallery that it is a copy of.
        gallery_hash: Of the gallery's content: equal at all doors with the same people.
        config_hash: Of the settings, without the kiosk's names: equal at all doors with the same.
        public_key: The key that the kiosk signs with.
        sealing_key: What the register seals orders for this kiosk with.
        register_key: The key of the register whose orders it carries out; without one it carries
            out none.
        rival: Whether another kiosk uses the same name: the broker gives the connection now to one
            of them, and now to the other.
        signature: The last field (:mod:`kiosk.protocol.signature`).
    """

    time: Timestamp
    clock: Literal["synchronised", "unsynchronised"]
    clock_off_s: float | None = None
    boot_id: str
    version: str
    outbox_id: Uuid4
    last_sequence: Number
    waiting: Number
    undelivered: Number
    in_memory: Number
    dropped: Number
    set_aside: Number
    oldest_waiting_s: Number | None = None
    camera: CameraState
    last_frame_age_s: Annotated[float, Meta(ge=0)] | None = None
    frames_per_s: Annotated[float, Meta(ge=0)] | None = None
    watching_s: Annotated[float, Meta(ge=0)] | None = None
    faces_seen: Number
    faces_refused: dict[str, Number]
    disk_free_mb: Number | None = None
    temperature_c: float | None = None
    under_voltage: bool | None = None
    model_id: str
    people: Number
    gallery_version: Number | None = None
    gallery_hash: str | None = None
    config_hash: str | None = None
    public_key: PublicKey | None = None
    sealing_key: PublicKey | None = None
    register_key: PublicKey | None = None
    rival: Literal["none", "suspected", "certain"] = "none"
    signature: Signature | UnsetType = UNSET


def encode_health(health: Health) -> bytes:
    """Write the message as JSON.

    Raises:
        PayloadError: A field breaks the schema.
    """
    return encode_payload(health, decode_health)


def decode_health(payload: bytes) -> Health:
    """Read the message.

    Raises:
        PayloadError: The payload is not JSON, or not a health message.
    """
    health: Health = decode_payload(payload, Health, "a health message")
    return health
