"""Tell each kiosk what the register has stored."""

from typing import Final, TypeAlias

from kiosk.mqtt.announcements import Announcement
from kiosk.mqtt.connection import Connection
from kiosk.protocol.delivery import Confirmation, encode_delivery
from kiosk.protocol.topics import CONFIRMED, KioskAddress
from kiosk.register.ingest.outbox_state import OutboxState

_REPEAT_S: Final = 300.0
"""After how many seconds an unchanged watermark is announced again, if the kiosk is heard."""

_Key: TypeAlias = tuple[str, KioskAddress]
"""Outbox id, and to which kiosk: a renamed one asks under its new name first."""


class Confirmer:
    """Announces watermarks, at most one for each kiosk and interval.

    They are retained and cumulative, so none that is left out is missed. An unchanged watermark is
    announced again only now and then: a broker's access list may have refused it, or (MQTT 3.1.1)
    dropped it without a word. After a reconnection, the connection announces all. Whoever answers a
    replay request gets a confirmation, too: so ``kiosk check`` finds a register that runs.

    Args:
        connection: Where to announce.
        register_id: The identity of the register.
        interval_s: Least time between two announcements of one kiosk, seconds.
    """

    def __init__(self, connection: Connection, register_id: str, interval_s: float) -> None:
        self._connection = connection
        self._register_id = register_id
        self._interval_s = interval_s
        self._waiting: dict[_Key, OutboxState] = {}
        self._announced: dict[_Key, tuple[Announcement, float]] = {}
        self._next_s = 0.0

    def note(self, *states: OutboxState) -> None:
        """Note states that are committed."""
        for one in states:
            # The newest last, if one kiosk has used two outbox files.
            self._waiting.pop(_key(one), None)
            self._waiting[_key(one)] = one

    def answer(self, *states: OutboxState) -> None:
        """Have these watermarks announced to who has asked, though they may be unchanged."""
        for one in states:
            self._announced.pop(_key(one), None)
        self.note(*states)

    def flush(self, now_s: float) -> None:
        """Announce what was noted, if the interval is over.

        Args:
            now_s: Monotonic seconds.
        """
        if not self._waiting or now_s < self._next_s:
            return
        self._next_s = now_s + self._interval_s
        for key, one in self._waiting.items():
            message = Confirmation(
                register_id=self._register_id, outbox_id=one.outbox_id, sequence=one.watermark
            )
            announcement = Announcement(one.address.topic(CONFIRMED), encode_delivery(message))
            before, announced_s = self._announced.get(key, (None, now_s))
            if before != announcement or now_s >= announced_s + _REPEAT_S:
                self._announced[key] = announcement, now_s
                self._connection.announce(announcement)
        self._waiting.clear()


def _key(state: OutboxState) -> _Key:
    return state.outbox_id, state.address
