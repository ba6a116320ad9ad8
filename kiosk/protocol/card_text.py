"""What the QR code of a student's card says, and who has signed it.

::

    KIOSK1:<base32 of the bytes below, without padding>

    5 bytes    number of the card, random; in base32 it is the card id that is printed, too
    2 bytes    the last day on which the card counts: days since 1970-01-01, big-endian
    n bytes    subject id, UTF-8
    64 bytes   Ed25519 (RFC 8032) over ``attendance-kiosk card 1``, a line feed, and all before

These characters are those of a QR code's alphanumeric mode, so that the code stays small. The
register alone has the private key; kiosks know the public one and the cards that were revoked
(:mod:`kiosk.protocol.cards`). Whoever copies a card has a card: a teacher sees who holds it.
"""

import base64
import binascii
import os
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta

CardId: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Z2-7]{8}\Z")]
"""Number of a card, base32."""

PREFIX: Final = "KIOSK1:"
SUBJECT_MAX: Final = 100
"""Bytes of the longest subject id on a card; a longer one makes the code too fine for a camera."""
TEXT_MAX: Final = 300

_CONTEXT: Final = b"attendance-kiosk card 1\n"
_NUMBER: Final = 5
_DAY: Final = 2
_SIGNATURE: Final = 64
_EPOCH: Final = date(1970, 1, 1)
_FORM: Final = re.compile(f"{PREFIX}([A-Z2-7]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Card:
    """A student's card.

    Attributes:
        card_id: Names the card.
        subject_id: Whose it is.
        expires_on: The last day on which it counts.
    """

    card_id: str
    subject_id: str
    expires_on: date


def new_card_id() -> str:
    """Return the id of a new card."""
    return base64.b32encode(os.urandom(_NUMBER)).decode()


def write_card(card: Card, key: Ed25519PrivateKey) -> str:
    """Return the text of a card's QR code.

    Raises:
        ValueError: The subject id is empty or longer than :data:`SUBJECT_MAX`, or the day is not
            within 1970 to 2149.
    """
    subject = card.subject_id.encode()
    if not 1 <= len(subject) <= SUBJECT_MAX:
        raise ValueError(f"a subject id on a card has 1 to {SUBJECT_MAX} bytes")
    day = (card.expires_on - _EPOCH).days
    if not 0 <= day < 1 << 8 * _DAY:
        raise ValueError("a card expires within 1970 to 2149")
    body = base64.b32decode(card.card_id) + day.to_bytes(_DAY) + subject
    signed = body + key.sign(_CONTEXT + body)
    return PREFIX + base64.b32encode(signed).rstrip(b"=").decode()


def is_card_text(text: str) -> bool:
    """Return whether a text claims to be a card: other QR codes are none of our business."""
    return text.startswith(PREFIX)


def read_card(text: str, public_key: Ed25519PublicKey) -> Card | None:
    """Return the card that a text is; ``None`` unless it was signed with this key."""
    found = _FORM.fullmatch(text) if len(text) <= TEXT_MAX else None
    if found is None:
        return None
    digits = found[1]
    try:
        signed = base64.b32decode(digits + "=" * (-len(digits) % 8))
        body, signature = signed[:-_SIGNATURE], signed[-_SIGNATURE:]
        public_key.verify(signature, _CONTEXT + body)
        subject = body[_NUMBER + _DAY :].decode()
    except (InvalidSignature, ValueError, binascii.Error):
        return None
    day = int.from_bytes(body[_NUMBER : _NUMBER + _DAY])
    card_id = base64.b32encode(body[:_NUMBER]).decode()
    return Card(card_id, subject, _EPOCH + timedelta(days=day)) if subject else None
