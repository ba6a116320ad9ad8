"""What the register says to kiosks: confirmations and requests."""

from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest

from kiosk.mqtt.announcements import Announcement
from kiosk.mqtt.properties import PublishProperties
from kiosk.protocol.delivery import Confirmation, ReplayRequest, decode_delivery
from kiosk.protocol.topics import KioskAddress
from kiosk.register.ingest.confirm import Confirmer
from kiosk.register.ingest.outbox_state import BACKOFF_FIRST, GRACE, OutboxState
from kiosk.register.ingest.replay import request_missing
from kiosk.register.ingest.store import store
from tests.kiosk.register.support import DOOR, NOON, OTHER_OUTBOX, OUTBOX, arrival, event

if TYPE_CHECKING:
    from kiosk.mqtt.connection import Connection

REGISTER = "33333333-3333-4333-8333-333333333333"
ELSEWHERE = KioskAddress(site="north", room="room-2", kiosk="kiosk-2")


class FakeConnection:
    """Collects what is published."""

    def __init__(self, room: int = 10) -> None:
        self.room = room
        self.sent: list[tuple[str, bytes]] = []

    def announce(self, announcement: Announcement) -> None:
        self.sent.append((announcement.topic, announcement.payload))

    def publish(
        self, topic: str, payload: bytes, *_: object, properties: PublishProperties
    ) -> None:
        assert properties.correlation
        self.room -= 1
        self.sent.append((topic, payload))


def state(watermark: int, outbox_id: str = OUTBOX) -> OutboxState:
    return OutboxState(outbox_id=outbox_id, address=DOOR, watermark=watermark)


def ask(connection: FakeConnection, after: timedelta, *sites: str) -> int:
    return request_missing(cast("Connection", connection), sites, NOON + after)


def test_a_watermark_is_announced_once_in_an_interval() -> None:
    """Of many commits, the kiosk hears the last; what it has heard is not said again."""
    connection = FakeConnection()
    confirmer = Confirmer(cast("Connection", connection), REGISTER, interval_s=1.0)
    confirmer.note(state(1), state(7, OTHER_OUTBOX))
    confirmer.flush(100.0)
    confirmer.note(state(2))
    confirmer.note(state(3))
    confirmer.flush(100.9)
    assert len(connection.sent) == 2
    confirmer.flush(101.0)
    confirmer.note(state(3))
    confirmer.flush(102.0)
    said = [decode_delivery(payload, Confirmation) for _, payload in connection.sent]
    assert [(one.outbox_id, one.sequence) for one in said] == [
        *((OUTBOX, 1), (OTHER_OUTBOX, 7), (OUTBOX, 3))
    ]
    assert {one.register_id for one in said} == {REGISTER}


@pytest.mark.usefixtures("database")
def test_one_instance_makes_a_request() -> None:
    """Of several on one database, the first one asks; nobody asks again before the wait is over."""
    store([arrival(event(3))], NOON)
    first, second = FakeConnection(), FakeConnection()
    assert ask(first, GRACE) == 1
    assert ask(second, GRACE) == 0
    ((topic, payload),) = first.sent
    assert topic == DOOR.topic("replay")
    request = decode_delivery(payload, ReplayRequest)
    assert (request.outbox_id, request.first, request.last) == (OUTBOX, 1, 2)
    assert ask(second, GRACE + BACKOFF_FIRST) == 1


@pytest.mark.usefixtures("database")
def test_without_a_connection_nothing_is_requested() -> None:
    """The request is made later, by whoever has a connection."""
    store([arrival(event(3))], NOON)
    assert ask(FakeConnection(room=0), GRACE) == 0
    assert ask(FakeConnection(), GRACE) == 1


@pytest.mark.usefixtures("database")
def test_an_instance_asks_kiosks_of_its_own_sites() -> None:
    """Another instance serves the others."""
    north = event(3, OTHER_OUTBOX, site="north", room="room-2", kiosk="kiosk-2")
    store([arrival(event(3)), arrival(north, address=ELSEWHERE)], NOON)
    connection = FakeConnection()
    assert ask(connection, GRACE, "north") == 1
    assert connection.sent[0][0] == ELSEWHERE.topic("replay")
