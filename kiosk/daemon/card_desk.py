"""Look for cards in frames, now and then, and say whose they are."""

import logging
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from kiosk.clock import Clock
from kiosk.config.keys import Config
from kiosk.daemon.news.card_list import CardFile, CardVerdict, Judgement, judge
from kiosk.feedback.feedback import Feedback
from kiosk.mqtt.connection import Connection
from kiosk.mqtt.subscriber import Message
from kiosk.protocol.card_text import is_card_text
from kiosk.protocol.topics import CARDS, KioskAddress
from kiosk.recognition.qr import QrReader
from kiosk.records import Frame, Image, Verdict

_log = logging.getLogger(__name__)

_EVERY_S: Final = 0.25
"""A card is held for a second or two."""
_SHARE: Final = 0.2
"""At most so much of the time is spent on looking: the faces come first."""
_AGAIN_S: Final = 5.0
"""A refused card that stays in view is reported once."""
_REFUSED_MAX: Final = 16


class CardDesk:
    """Reads cards at a bounded rate; does nothing until the register has issued some.

    Args:
        read: Returns the texts of the QR codes in an image.
        file: Which cards count.
        clock: The time.
        today: The day at the school.
        signal: Called for each card that is read, for a light or a sound: once for a refused one
            that stays in view, and at each look for one that counts.
    """

    def __init__(
        self,
        read: Callable[[Image], Sequence[str]],
        file: CardFile,
        clock: Clock,
        today: Callable[[], date],
        signal: Callable[[CardVerdict], None] = lambda _verdict: None,
    ) -> None:
        self._read = read
        self._file = file
        self._clock = clock
        self._today = today
        self._signal = signal
        self._next_s = 0.0
        self._refused: dict[str, float] = {}

    def see(self, frame: Frame) -> tuple[Judgement, ...]:
        """Return the cards that count in a frame, if it is time to look."""
        cards = self._file.cards
        begin_s = self._clock.monotonic_s()
        if cards is None or begin_s < self._next_s:
            return ()
        texts = [text for text in self._read(frame.image) if is_card_text(text)]
        found = [(text, judge(text, cards, self._today())) for text in texts]
        end_s = self._clock.monotonic_s()
        self._next_s = max(begin_s + _EVERY_S, end_s + (end_s - begin_s) * (1 / _SHARE - 1))
        for text, one in found:
            if one.verdict is CardVerdict.VALID:
                self._signal(one.verdict)
            else:
                self._refuse(text, one.verdict, end_s)
        return tuple(one for _text, one in found if one.verdict is CardVerdict.VALID)

    def _refuse(self, text: str, verdict: CardVerdict, now_s: float) -> None:
        """Report a refused card without saying whose it claims to be."""
        self._refused = {
            key: at_s for key, at_s in self._refused.items() if at_s > now_s - _AGAIN_S
        }
        if text not in self._refused:
            _log.info("a card was refused: %s", verdict)
            self._signal(verdict)
        if text in self._refused or len(self._refused) < _REFUSED_MAX:
            self._refused[text] = now_s


def build_card_desk(
    config: Config, connection: Connection, clock: Clock, feedback: Feedback
) -> CardDesk:
    """Build what reads cards; unless they are enabled, it never hears of any."""
    address = KioskAddress.of(config.kiosk)
    key = config.register.public_key
    file = CardFile(config.cards_path, address, key, is_used=config.cards.enabled)

    def on_message(message: Message) -> None:
        file.hear(message.payload)
        message.acknowledge()

    if config.cards.enabled:
        connection.subscribe(address.topic(CARDS), on_message)

    def signal(verdict: CardVerdict) -> None:
        light = Verdict.KNOWN if verdict is CardVerdict.VALID else Verdict.STRANGER
        feedback.see([light], clock.monotonic_s())

    def today() -> date:
        return clock.utc().astimezone(config.zone).date()

    return CardDesk(QrReader().read, file, clock, today, signal)
