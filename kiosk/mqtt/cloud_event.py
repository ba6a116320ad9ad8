"""CloudEvents 1.0 in binary mode: what an event is, as MQTT 5 properties beside its payload.

Tools that know CloudEvents can route by them. Nothing here reads them, and MQTT 3.1.1 has none.
"""

from typing import Final

import msgspec

from kiosk.decoder import decoder_of
from kiosk.mqtt.properties import PublishProperties
from kiosk.protocol.event import SCHEMA_ID

_TYPE: Final = "attendance-kiosk.%s.v1"


class _Header(msgspec.Struct):
    event_id: str
    site: str
    room: str
    kiosk: str
    type: str
    time: str


def event_properties(payload: bytes) -> PublishProperties | None:
    """Return the properties of an event; ``None`` for what is none."""
    try:
        event = decoder_of(_Header).decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return PublishProperties(
        content_type="application/json",
        user=(
            ("specversion", "1.0"),
            ("id", event.event_id),
            ("source", f"/{event.site}/{event.room}/{event.kiosk}"),
            ("type", _TYPE % event.type),
            ("time", event.time),
            ("dataschema", SCHEMA_ID),
        ),
    )
