"""The kiosks of a district: each sees its own students, once."""

import time
from datetime import UTC, datetime
from typing import Final

from msgspec import structs

from kiosk.protocol.event import AttendanceEvent
from kiosk.protocol.health import encode_health
from kiosk.protocol.topics import HEALTH
from tests.faults.doors import Doors
from tests.kiosk.protocol.test_health import HEALTH as REPORT
from tests.scale.district import Size, lesson_id, subject

_STEP_S: Final = 0.02
_HEALTH_S: Final = 60.0


class Crowd(Doors):
    """Students who come in one after the other, in all rooms at once.

    Args:
        broker: Host and port.
        size: The district.

    Attributes:
        sent: When the event of each student was published, by subject id, seconds since 1970.
    """

    def __init__(self, broker: tuple[str, int], size: Size) -> None:
        super().__init__(broker, size.kiosks)
        self.sent: dict[str, float] = {}
        self._size = size
        self._rooms = {outbox_id: room for room, outbox_id in enumerate(self.addresses)}
        self._reports = 0
        self._at: dict[tuple[str, int], str] = {}

    def event_of(self, outbox_id: str, sequence: int) -> AttendanceEvent:
        room = self._rooms[outbox_id]
        seen = subject(self._size.of_room(room)[sequence - 1])
        now = self._at.setdefault((outbox_id, sequence), _now())
        self.sent.setdefault(seen, time.time())
        made = super().event_of(outbox_id, sequence)
        return structs.replace(made, subject_id=seen, session=lesson_id(room), time=now)

    def come_in(self, seconds: float) -> None:
        """Publish everybody at a steady rate, and each kiosk's health once a minute."""
        total = self._size.students // self._size.kiosks * self._size.kiosks
        began_s = time.monotonic()
        while self.offered < total:
            passed_s = time.monotonic() - began_s
            due = min(total, round(total * passed_s / seconds))
            self.publish(due - self.offered)
            self.report_some(round(len(self.addresses) * passed_s / _HEALTH_S) - self._reports)
            time.sleep(_STEP_S)

    def report_some(self, count: int) -> None:
        """Publish the health of the next kiosks."""
        outboxes = list(self.addresses)
        for _ in range(count):
            outbox_id = outboxes[self._reports % len(outboxes)]
            said = structs.replace(
                REPORT,
                time=_now(),
                outbox_id=outbox_id,
                last_sequence=self._last[outbox_id],
                watching_s=7200.0,
            )
            topic = self.addresses[outbox_id].topic(HEALTH)
            self._client.publish(topic, encode_health(said), qos=1, retain=True)
            self._reports += 1


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
