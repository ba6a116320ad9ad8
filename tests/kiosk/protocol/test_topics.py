"""The topic tree and the availability message."""

import pytest

from kiosk.config.keys import KioskSection
from kiosk.errors import PayloadError
from kiosk.protocol.availability import Availability, decode_availability, encode_availability
from kiosk.protocol.event import EVENT_TYPES, AttendanceEvent, ParticipationEvent
from kiosk.protocol.topics import KioskAddress, Topic, parse_topic

ADDRESS = KioskAddress(site="school", room="room-1", kiosk="kiosk-1")


def test_each_kind_of_message_has_its_topic() -> None:
    """Topics are kiosk/v1/<site>/<room>/<kiosk>/<kind>."""
    tree = "kiosk/v1/school/room-1/kiosk-1"
    assert ADDRESS.topic_of(AttendanceEvent) == f"{tree}/attendance"
    assert ADDRESS.topic_of(ParticipationEvent) == f"{tree}/participation"
    assert ADDRESS.availability == f"{tree}/availability"


def test_the_address_comes_from_the_configuration() -> None:
    """Site, room and id of the section ``kiosk`` become the address."""
    section = KioskSection(id="kiosk-1", room="room-1", site="school")
    assert KioskAddress.of(section) == ADDRESS


@pytest.mark.parametrize("kind", [*EVENT_TYPES, "availability", "kind-of-a-newer-version"])
def test_a_topic_is_parsed_into_address_and_kind(kind: str) -> None:
    """A reader learns from the topic which kiosk published what kind of message."""
    assert parse_topic(f"kiosk/v1/school/room-1/kiosk-1/{kind}") == Topic(ADDRESS, kind)


def test_addresses_that_look_alike_have_different_client_ids() -> None:
    """Hyphens and dots in names cannot make two kiosks one MQTT client."""
    assert KioskAddress("a-b", "c", "d").client_id != KioskAddress("a", "b-c", "d").client_id


@pytest.mark.parametrize(
    "topic",
    [
        "kiosk/v2/school/room-1/kiosk-1/attendance",
        "kiosk/v1/school/room-1/attendance",
        "kiosk/v1/school/room-1/kiosk-1/attendance/x",
        "kiosk/v1/school//kiosk-1/attendance",
        "",
    ],
)
def test_other_topics_are_not_of_this_tree(topic: str) -> None:
    """Any topic outside the tree parses to None."""
    assert parse_topic(topic) is None


def test_availability_survives_the_wire_and_unknown_keys_are_ignored() -> None:
    """The message is read as it was written; a newer kiosk may send more keys."""
    online = Availability(state="online", boot_id="b", version="1")
    assert decode_availability(encode_availability(online)) == online
    assert decode_availability(encode_availability(online)[:-1] + b',"more":1}') == online
    assert online.as_offline().state == "offline"
    assert online.as_offline().boot_id == "b"


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        (b"", "availability"),
        (b"\xff", "availability"),
        (b'{"state":"away","boot_id":"b","version":"1"}', "state"),
        (b'{"state":"online","version":"1"}', "boot_id"),
    ],
)
def test_a_bad_availability_is_rejected_by_field(payload: bytes, named: str) -> None:
    """The error names the field that is wrong."""
    with pytest.raises(PayloadError, match=named):
        decode_availability(payload)
