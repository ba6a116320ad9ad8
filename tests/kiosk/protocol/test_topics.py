"""The topic tree and the availability message."""

import pytest

from kiosk.errors import PayloadError
from kiosk.protocol.availability import Availability, decode_availability, encode_availability
from kiosk.protocol.topics import KioskAddress, address_of

PLACE = KioskAddress(site="school", room="room-1", kiosk="kiosk-1")


def test_the_tree_is_as_documented() -> None:
    """Topics are kiosk/v1/<site>/<room>/<kiosk>/..., and lead back to the place."""
    assert PLACE.attendance == "kiosk/v1/school/room-1/kiosk-1/attendance"
    assert PLACE.availability == "kiosk/v1/school/room-1/kiosk-1/availability"
    assert address_of(PLACE.attendance) == address_of(PLACE.availability) == PLACE


def test_places_that_look_alike_have_client_ids_apart() -> None:
    """Hyphens and dots in names cannot make two kiosks one MQTT client."""
    assert KioskAddress("a-b", "c", "d").client_id != KioskAddress("a", "b-c", "d").client_id


@pytest.mark.parametrize(
    "topic",
    [
        "kiosk/v2/school/room-1/kiosk-1/attendance",
        "kiosk/v1/school/room-1/attendance",
        "kiosk/v1/school/room-1/kiosk-1/attendance/x",
        "kiosk/v1/school/room-1/kiosk-1/weather",
        "",
    ],
)
def test_other_topics_have_no_place(topic: str) -> None:
    """Anything outside the tree is None."""
    assert address_of(topic) is None


def test_availability_reads_as_written_and_lets_newer_keys_pass() -> None:
    """The message survives the wire; a newer kiosk may say more than we know."""
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
def test_what_is_no_availability_is_refused_by_field(payload: bytes, named: str) -> None:
    """The error names the field that is wrong."""
    with pytest.raises(PayloadError, match=named):
        decode_availability(payload)
