"""Which cards count: heard from the register, and kept in the state folder for a start offline."""

import base64
import logging
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kiosk.daemon.news.kept_file import KeptFile
from kiosk.errors import PayloadError
from kiosk.logs import OnceWarner
from kiosk.protocol.card_text import read_card
from kiosk.protocol.cards import CardList, decode_cards
from kiosk.protocol.payload import PAYLOAD_MAX
from kiosk.protocol.signature import fingerprint, is_signed_by
from kiosk.protocol.topics import KioskAddress

_log = logging.getLogger(__name__)


class CardVerdict(StrEnum):
    """What a card is worth. ``UNSIGNED``: damaged, forged, or of another school."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNSIGNED = "not signed by the register"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result for one card; ``subject_id`` and ``card_id`` are "" unless it is valid."""

    verdict: CardVerdict
    subject_id: str = ""
    card_id: str = ""


def judge(text: str, cards: CardList, today: date) -> Judgement:
    """Return what the text of a card is worth on a day."""
    raw = base64.urlsafe_b64decode(cards.public_key + "=")
    card = read_card(text, Ed25519PublicKey.from_public_bytes(raw))
    if card is None:
        return Judgement(CardVerdict.UNSIGNED)
    if card.card_id in cards.revoked:
        return Judgement(CardVerdict.REVOKED)
    if card.expires_on < today:
        return Judgement(CardVerdict.EXPIRED)
    return Judgement(CardVerdict.VALID, card.subject_id, card.card_id)


class CardFile:
    """The newest list of cards. One thread hears, another one reads :attr:`cards`.

    Only the configured key counts; without one, the first that is heard: whoever can publish at the
    broker later cannot make cards. The signature on a list is for this kiosk, so another kiosk's
    file is not read.

    Args:
        path: The file; what is in it was heard in an earlier run.
        address: This kiosk.
        register_key: The register's public key; "" if none is configured.
        is_used: Read the file; without it no card counts.

    Attributes:
        cards: The list; ``None`` until one was heard.
    """

    def __init__(
        self, path: Path, address: KioskAddress, register_key: str = "", *, is_used: bool = True
    ) -> None:
        self._file = KeptFile(path, PAYLOAD_MAX)
        self._address = address
        self._register_key = register_key
        self._warner = OnceWarner(_log)
        self.cards = self._file.load(self._read) if is_used else None

    def hear(self, payload: bytes) -> None:
        """Take what was published, if it is signed and newer, and store it."""
        if not payload:  # clears a retained message
            return
        try:
            heard = self._read(payload)
        except PayloadError as exc:
            self._warner.warn(f"the list of cards is refused: {exc}")
            return
        known = self.cards
        if known is not None and heard.public_key != known.public_key:
            self._warner.warn(
                "the list of cards is refused: it has another key than before"
                f" ({fingerprint(heard.public_key)}). If the register has lost its database, delete"
                f" {self._file.path} and restart"
            )
            return
        if known is not None and heard.version <= known.version:
            return
        self.cards = heard
        _log.info(
            "cards count here: key %s, %d revoked",
            fingerprint(heard.public_key),
            len(heard.revoked),
        )
        self._file.save(payload)

    def _read(self, payload: bytes) -> CardList:
        cards = decode_cards(payload)
        if not is_signed_by(payload, self._address, cards.public_key):
            raise PayloadError("not signed for this kiosk with the key of the cards")
        if self._register_key not in {"", cards.public_key}:
            raise PayloadError("its key is not register.public_key of the configuration")
        return cards
