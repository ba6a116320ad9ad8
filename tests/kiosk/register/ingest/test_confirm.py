"""What the register confirms, and when it says so again."""

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from kiosk.mqtt.announcements import Announcement
from kiosk.protocol.delivery import Confirmation, decode_delivery
from kiosk.protocol.topics import CONFIRMED
from kiosk.register.ingest.confirm import Confirmer
from kiosk.register.ingest.outbox_state import OutboxState
from tests.kiosk.register.support import DOOR, OTHER_OUTBOX, OUTBOX

if TYPE_CHECKING:
    from kiosk.mqtt.connection import Connection


class Announced:
    """Stands in for a connection; keeps what is announced."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.topics: list[str] = []

    def announce(self, announcement: Announcement) -> None:
        self.numbers.append(decode_delivery(announcement.payload, Confirmation).sequence)
        self.topics.append(announcement.topic)


@pytest.mark.parametrize(
    ("notes", "announced"),
    [
        ([(0.0, 5), (2.0, 6)], [5, 6]),
        ([(0.0, 5), (0.5, 6)], [5]),
        ([(0.0, 5), (60.0, 5)], [5]),
        ([(0.0, 5), (60.0, 5), (301.0, 5)], [5, 5]),
        ([(0.0, 5), (60.0, 6), (301.0, 6)], [5, 6]),
    ],
    ids=["changed", "too soon", "unchanged", "unchanged for long", "changed meanwhile"],
)
def test_a_watermark_is_announced_when_it_changes_and_again_after_five_minutes(
    notes: list[tuple[float, int]], announced: list[int]
) -> None:
    """The broker may have refused the first announcement, so an unchanged one is repeated."""
    connection = Announced()
    confirmer = Confirmer(cast("Connection", connection), OTHER_OUTBOX, interval_s=1.0)
    for now_s, watermark in notes:
        confirmer.note(OutboxState(outbox_id=OUTBOX, address=DOOR, watermark=watermark))
        confirmer.flush(now_s)
    assert connection.numbers == announced


def test_who_asks_is_answered_though_nothing_has_changed() -> None:
    """A kiosk that was renamed asks under its new name, which its outbox is not known by yet."""
    connection = Announced()
    confirmer = Confirmer(cast("Connection", connection), OTHER_OUTBOX, interval_s=1.0)
    known = OutboxState(outbox_id=OUTBOX, address=DOOR, watermark=5)
    renamed = replace(known, address=replace(DOOR, kiosk="kiosk-9"))
    for now_s, asks in ((0.0, ()), (2.0, (known,)), (4.0, (renamed, known)), (6.0, ())):
        confirmer.note(known)
        confirmer.answer(*asks)
        confirmer.flush(now_s)
    old, new = DOOR.topic(CONFIRMED), renamed.address.topic(CONFIRMED)
    assert connection.topics == [old, old, new, old]
