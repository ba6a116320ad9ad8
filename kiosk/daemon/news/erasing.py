"""Join the erasure desk to the connection, the files and the frame loop of a kiosk."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from paho.mqtt.reasoncodes import ReasonCode

from kiosk.clock import Clock
from kiosk.config.keys import Config
from kiosk.daemon.health.status_board import State
from kiosk.daemon.news.erasure_desk import ErasureDesk, Outcome
from kiosk.daemon.news.erasure_list import ErasureFile
from kiosk.daemon.state_folder import KioskKeys
from kiosk.erasure.order import carry_out
from kiosk.erasure.outcome import Erasure
from kiosk.errors import ReloadError
from kiosk.mqtt.connection import Connection
from kiosk.mqtt.subscriber import Message
from kiosk.outbox.outbox import Outbox
from kiosk.protocol.erasure import Order
from kiosk.protocol.topics import ERASURE, ERASURE_RECEIPT, KioskAddress
from kiosk.reload_request import PATIENCE_S

_STEP_S: Final = 0.05
_NEVER_S: Final = float("inf")


@dataclass(frozen=True, slots=True)
class GalleryUse:
    """Has the frame loop read the gallery again.

    Attributes:
        state: What the frame loop says.
        reload: Set to ask it.
        stop: Set when the kiosk ends.
        clock: Its time.
        patience_s: How long to wait, seconds; the watchdog ends a loop that hangs.
    """

    state: State
    reload: threading.Event
    stop: threading.Event
    clock: Clock
    patience_s: float = PATIENCE_S

    def __call__(self) -> None:
        """Wait until the gallery on the disk is in use.

        Raises:
            ReloadError: It is not; the former one may be.
        """
        asked_s, until_s = self.clock.monotonic_s(), time.monotonic() + self.patience_s
        if self._is_nobody_known():
            return
        self.reload.set()
        while time.monotonic() < until_s and not self.stop.wait(_STEP_S):
            done = self.state.reload
            # One that began earlier may have read the file before it was changed.
            if done is not None and done.started_s >= asked_s:
                if done.error and not self._is_nobody_known():
                    raise ReloadError(done.error)
                return
        raise ReloadError("the kiosk did not read the gallery again")

    def _is_nobody_known(self) -> bool:
        """Return whether the kiosk waits for a gallery, which it reads only then."""
        return bool(self.state.gallery_fault) and self.state.vitals.people == 0


class Answers:
    """Publishes the newest receipts as soon as there is a connection.

    They are not retained: the kiosk hears the orders again at each connect, and answers again.

    Args:
        connection: Where to publish.
        topic: The topic of the receipts.
        sign: Signs them.
    """

    def __init__(self, connection: Connection, topic: str, sign: Callable[[bytes], bytes]) -> None:
        self._connection = connection
        self._topic = topic
        self._sign = sign
        self._waiting = b""
        connection.each_turn(self._take_turn)

    def __call__(self, payload: bytes) -> None:
        """Send receipts; any thread may call this."""

        def note() -> None:
            self._waiting = payload

        self._connection.post(note)

    def _take_turn(self) -> float:
        if self._waiting and self._connection.room:
            payload, self._waiting = self._waiting, b""
            self._connection.publish(self._topic, self._sign(payload), _ignore)
        return _NEVER_S  # a turn follows each message and each PUBACK


def build_erasure_desk(
    config: Config,
    connection: Connection,
    keys: KioskKeys,
    outbox: Outbox,
    use_gallery: GalleryUse,
) -> ErasureDesk:
    """Build what carries out the register's orders, and subscribe to them."""
    address = KioskAddress.of(config.kiosk)

    def erase(order: Order) -> Outcome:
        erasure = carry_out(
            config,
            order.subject_id,
            order.consent,
            forget=partial(outbox.forget, events=False),
            use_gallery=use_gallery,
        )
        return outcome_of(erasure)

    desk = ErasureDesk(
        ErasureFile.at(
            config.directory / "erasure-orders.json", address, config.register.public_key
        ),
        keys.opener,
        erase,
        Answers(connection, address.topic(ERASURE_RECEIPT), keys.signer.sign),
    )

    def on_message(message: Message) -> None:
        desk.hear(message.payload)
        message.acknowledge()

    connection.subscribe(address.topic(ERASURE), on_message)
    return desk


def outcome_of(erasure: Erasure) -> Outcome:
    """Return what a receipt says of an erasure: no id, no name, no text of an error."""
    counts = {
        "gallery": int(erasure.gallery),
        "old_galleries": len(erasure.old_galleries),
        "attendance": erasure.outbox.keys,
        "damaged_events": erasure.outbox.set_aside + erasure.aside,
    }
    erased = {place: count for place, count in counts.items() if count}
    return Outcome(erased, tuple((one.place, one.why) for one in erasure.failed))


def _ignore(_reason: ReasonCode) -> None:
    """Take no note of the broker's answer: the kiosk answers again at the next connect."""
