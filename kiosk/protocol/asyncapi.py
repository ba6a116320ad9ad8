"""The AsyncAPI document of the topic tree, made from the types that the code uses.

``asyncapi.yaml`` beside this file is this document (``kiosk schema --asyncapi``); a test keeps the
two equal.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from kiosk.protocol import topics
from kiosk.protocol.availability import Availability
from kiosk.protocol.cards import CardList
from kiosk.protocol.delivery import Confirmation, ReplayDone, ReplayRequest
from kiosk.protocol.descriptions import without_indentation
from kiosk.protocol.erasure import ErasureOrders, ErasureReceipts
from kiosk.protocol.event import (
    AttendanceEvent,
    ParticipationEvent,
    TimeCorrectionEvent,
    event_type,
)
from kiosk.protocol.health import Health
from kiosk.protocol.participation import ParticipationWindow
from kiosk.protocol.timetable import RoomTimetable

_BINDING: Final = "0.2.0"
_SCHEMAS: Final = "#/components/schemas/{name}"
_NAMES: Final = ("site", "room", "kiosk")
_NAME_PATTERN: Final = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of message.

    Attributes:
        name: The last level of its topic.
        action: What the kiosk does: "send" or "receive".
        is_retained: Whether the broker keeps it.
        summary: What it says.
        types: What its payload may be.
    """

    name: str
    action: Literal["send", "receive"]
    is_retained: bool
    summary: str
    types: tuple[type[msgspec.Struct], ...]


KINDS: Final = (
    Kind(
        event_type(AttendanceEvent),
        "send",
        is_retained=False,
        summary="A person was seen at the door; once for each person and class session.",
        types=(AttendanceEvent,),
    ),
    Kind(
        event_type(ParticipationEvent),
        "send",
        is_retained=False,
        summary="A person was seen while the teacher had opened a window for participation.",
        types=(ParticipationEvent,),
    ),
    Kind(
        event_type(TimeCorrectionEvent),
        "send",
        is_retained=False,
        summary="The right time of an event that was sent with a clock that was not synchronised.",
        types=(TimeCorrectionEvent,),
    ),
    Kind(
        topics.AVAILABILITY,
        "send",
        is_retained=True,
        summary="Whether the kiosk is online; also its will.",
        types=(Availability,),
    ),
    Kind(
        topics.HEALTH,
        "send",
        is_retained=True,
        summary="The state of outbox, camera and machine; every minute and at each change.",
        types=(Health,),
    ),
    Kind(
        topics.REPLAYED,
        "send",
        is_retained=False,
        summary="An event that the register has requested, sent again as it was.",
        types=(AttendanceEvent, ParticipationEvent, TimeCorrectionEvent),
    ),
    Kind(
        topics.REPLAY_DONE,
        "send",
        is_retained=False,
        summary="Everything that was requested and is still there was sent.",
        types=(ReplayDone,),
    ),
    Kind(
        topics.CONFIRMED,
        "receive",
        is_retained=True,
        summary="From the register: every event up to this number is stored.",
        types=(Confirmation,),
    ),
    Kind(
        topics.REPLAY,
        "receive",
        is_retained=False,
        summary="From the register: send these numbers again.",
        types=(ReplayRequest,),
    ),
    Kind(
        topics.TIMETABLE,
        "receive",
        is_retained=True,
        summary="From the register: the lessons of the room in the next days.",
        types=(RoomTimetable,),
    ),
    Kind(
        topics.PARTICIPATION_WINDOW,
        "receive",
        is_retained=True,
        summary="From the register: the newest participation window of the room, open or closed.",
        types=(ParticipationWindow,),
    ),
    Kind(
        topics.CARDS,
        "receive",
        is_retained=True,
        summary="From the register: which cards with a QR code count.",
        types=(CardList,),
    ),
    Kind(
        topics.ERASURE,
        "receive",
        is_retained=True,
        summary="From the register: whose faces to erase, sealed for this kiosk.",
        types=(ErasureOrders,),
    ),
    Kind(
        topics.ERASURE_RECEIPT,
        "send",
        is_retained=False,
        summary="What became of the erasure orders, without naming anybody.",
        types=(ErasureReceipts,),
    ),
)


def document() -> dict[str, Any]:
    """Return the document (AsyncAPI 3.1.0, MQTT binding 0.2.0), from the kiosk's point of view."""
    structs = list(dict.fromkeys(one for kind in KINDS for one in kind.types))
    _, schemas = msgspec.json.schema_components(structs, ref_template=_SCHEMAS)
    plain = without_indentation(schemas)
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Attendance kiosk",
            "version": topics.ROOT.rpartition("/")[2],
            "description": "What kiosks, register and viewers say to one another over MQTT, all "
            "with QoS 1.\nReaders ignore fields and event types that they do not know.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {kind.name: _channel(kind) for kind in KINDS},
        "operations": {f"{kind.action}-{kind.name}": _operation(kind) for kind in KINDS},
        "components": {
            "messages": {one.__name__: _message(one) for one in structs},
            "schemas": plain,
        },
    }


def _channel(kind: Kind) -> dict[str, Any]:
    parameter = {"description": f"As the kiosk is configured: {_NAME_PATTERN}"}
    return {
        "address": f"{topics.ROOT}/{{site}}/{{room}}/{{kiosk}}/{kind.name}",
        "summary": kind.summary,
        "parameters": dict.fromkeys(_NAMES, parameter),
        "messages": {
            one.__name__: {"$ref": f"#/components/messages/{one.__name__}"} for one in kind.types
        },
    }


def _operation(kind: Kind) -> dict[str, Any]:
    return {
        "action": kind.action,
        "channel": {"$ref": f"#/channels/{kind.name}"},
        "summary": kind.summary,
        "messages": [
            {"$ref": f"#/channels/{kind.name}/messages/{one.__name__}"} for one in kind.types
        ],
        "bindings": {"mqtt": {"qos": 1, "retain": kind.is_retained, "bindingVersion": _BINDING}},
    }


def _message(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        "name": struct.__name__,
        "contentType": "application/json",
        "payload": {"$ref": _SCHEMAS.format(name=struct.__name__)},
    }
