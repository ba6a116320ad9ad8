"""The retained message that says whether a kiosk is online."""

from typing import Literal

import msgspec

from kiosk.protocol.payload import decode_payload


class Availability(msgspec.Struct, frozen=True, kw_only=True):
    """The retained message on the availability topic.

    Reading ignores unknown keys, so that a newer kiosk can send more.

    Attributes:
        state: The kiosk publishes "online" and, when it is stopped, "offline"; when it vanishes,
            the broker publishes "offline" for it (its last will, LWT).
        boot_id: The boot of the machine; distinguishes a restarted kiosk from a rebooted one.
        version: Version of the kiosk's software.
    """

    state: Literal["online", "offline"]
    boot_id: str
    version: str

    def as_offline(self) -> "Availability":
        """Return a copy with the state "offline"."""
        return msgspec.structs.replace(self, state="offline")


def encode_availability(availability: Availability) -> bytes:
    """Write the message as JSON."""
    return msgspec.json.encode(availability)


def decode_availability(payload: bytes) -> Availability:
    """Read the message.

    Raises:
        PayloadError: The payload is not JSON, or not an availability message.
    """
    availability: Availability = decode_payload(payload, Availability, "an availability message")
    return availability
