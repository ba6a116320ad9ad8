"""Whatever is published to a kiosk, it refuses or uses it, and goes on recording."""

import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kiosk.clock import ManualClock
from kiosk.daemon.news.card_list import CardFile, judge
from kiosk.daemon.news.erasure_desk import ErasureDesk, Outcome
from kiosk.daemon.news.erasure_list import ErasureFile
from kiosk.daemon.news.room_lessons import RoomLessons
from kiosk.daemon.participation import Windows
from kiosk.daemon.recorder import Recorder
from kiosk.daemon.times.steady_clock import SteadyClock
from kiosk.outbox.outbox import Outbox
from kiosk.protocol.cards import CardList, encode_cards
from kiosk.protocol.erasure import ErasureOrders, Order, SealedOrder, encode_orders, seal_order
from kiosk.protocol.participation import ParticipationWindow, encode_window
from kiosk.protocol.sealing import Opener
from kiosk.protocol.signature import Signer
from kiosk.protocol.timetable import RoomTimetable, TimetableLesson, encode_timetable
from kiosk.protocol.topics import KioskAddress
from tests.hostile import altered, broken
from tests.kiosk.daemon.test_recorder import CONFIG, MONDAY, known

_TIME = "2026-11-23T07:00:00.000+00:00"
_LATER = "2026-11-23T09:00:00.000+00:00"
_KEY = Ed25519PrivateKey.generate()
_DOOR = KioskAddress.of(CONFIG.kiosk)
_SIGNER = Signer(_KEY, _DOOR)
_VALID = {
    "timetable": encode_timetable(
        RoomTimetable(
            since=_TIME,
            until=_LATER,
            lessons=(TimetableLesson(session="maths", starts_at=_TIME, ends_at=_LATER),),
        )
    ),
    "window": encode_window(
        ParticipationWindow(
            window=1, state="open", session="2026-11-23/maths", opened_at=_TIME, closes_at=_LATER
        )
    ),
    "cards": encode_cards(CardList(version=1, public_key=_SIGNER.public_key)),
    "erasure": encode_orders(
        ErasureOrders(
            version=1,
            orders=(
                SealedOrder(
                    order="11111111-1111-4111-8111-111111111111",
                    sealed=seal_order(Order(subject_id="s-9", consent=1), Opener(_KEY).public_key),
                ),
            ),
        )
    ),
}
TIMES = int(os.environ.get("HOSTILE_TIMES", "20"))


def _payloads(kind: str) -> st.SearchStrategy[tuple[str, bytes]]:
    message: dict[str, Any] = json.loads(_VALID[kind])
    return st.tuples(st.just(kind), altered([message]) | broken([_VALID[kind]]))


class Door:
    """What hears the register, and a recorder; no thread, so that each error comes out."""

    def __init__(self, folder: Path) -> None:
        self.system = ManualClock(MONDAY, monotonic_s=512.0, boot_id="boot-7")
        clock = SteadyClock(self.system)
        self.windows = Windows(clock)
        self.lessons = RoomLessons(folder / "timetable.json", "topic")
        self.cards = CardFile(folder / "cards.json", _DOOR, _SIGNER.public_key)
        orders = ErasureFile.at(folder / "orders.json", _DOOR, _SIGNER.public_key)
        self.desk = ErasureDesk(orders, Opener(_KEY), lambda _: Outcome(), lambda _: None)
        self.outbox = Outbox(folder / "outbox.sqlite3")
        self.recorder = Recorder(
            self.outbox, clock, CONFIG, "m", lambda: None, lessons=self.lessons
        )

    def hear(self, kind: str, payload: bytes) -> None:
        if kind == "timetable":
            self.lessons.hear(payload, MONDAY)
            self.lessons.load()
        elif kind == "window":
            self.windows.hear(payload)
        elif kind == "cards":
            self.cards.hear(_SIGNER.sign(payload) if payload else payload)
        else:
            self.desk.hear(_SIGNER.sign(payload) if payload else payload)

    def go_on(self, number: int) -> None:
        """Let somebody pass, and somebody show a card."""
        self.system.advance(1.0)
        self.recorder.store(known(f"s-{number}"))
        if self.windows.open is not None:
            self.recorder.participate(known(f"s-{number}"), self.windows.open)
        if self.cards.cards is not None:
            judge("AK1.x", self.cards.cards, date(2026, 11, 23))


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    door = Door(tmp_path)
    yield door
    door.desk.close()
    door.outbox.close()


@settings(max_examples=TIMES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of([_payloads(one) for one in _VALID]), min_size=1, max_size=3),
    st.integers(0, 999),
)
@example([("window", _VALID["window"].replace(b'"window":1', b'"window":%d' % 2**63))], 1)
def test_nothing_that_is_published_stops_a_kiosk(
    door: Door, messages: list[tuple[str, bytes]], number: int
) -> None:
    """Law: whatever it hears, signed by the register too, the next person is recorded."""
    for kind, payload in messages:
        door.hear(kind, payload)
    door.go_on(number)
