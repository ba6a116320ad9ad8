"""The retained message that opens and closes participation at a kiosk.

The register publishes it on the kiosk's topic "participation-window". While a window is open, the
kiosk publishes one participation event for each person that it recognises, with the window's
``session`` as class session.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kiosk.protocol.delivery import SEQUENCE_MAX
from kiosk.protocol.event import Timestamp
from kiosk.protocol.payload import decode_payload, encode_payload

TEXT_MAX = 200
"""Longest class session that an event may name."""


class ParticipationWindow(msgspec.Struct, frozen=True, kw_only=True):
    """The newest window of a room. Reading ignores unknown keys, so that a register may send more.

    Attributes:
        window: Number of the window; a person takes part once in each. It grows.
        state: "open", or "closed".
        session: The class session that participation events must name.
        opened_at: When the teacher opened it.
        closes_at: When the kiosk closes it itself, if it hears nothing more: the lesson's end.
    """

    window: Annotated[int, Meta(ge=1, le=SEQUENCE_MAX)]
    state: Literal["open", "closed"]
    session: Annotated[str, Meta(min_length=1, max_length=TEXT_MAX)]
    opened_at: Timestamp
    closes_at: Timestamp


def encode_window(window: ParticipationWindow) -> bytes:
    """Write the message as JSON.

    Raises:
        PayloadError: A field breaks the schema.
    """
    return encode_payload(window, decode_window)


def decode_window(payload: bytes) -> ParticipationWindow:
    """Read the message.

    Raises:
        PayloadError: The payload is not such a message.
    """
    what = "a participation window"
    window: ParticipationWindow = decode_payload(payload, ParticipationWindow, what)
    return window
