"""The retained message that tells a kiosk which cards count.

The register publishes it on the kiosk's topic "cards" once a card was issued: the public key that
the cards are signed with (:mod:`kiosk.protocol.card_text`), and the cards that were revoked. It is
signed with the same key for this kiosk (:mod:`kiosk.protocol.signature`). A kiosk keeps the newest
one, so that cards work without a network, and takes no other key than the first that it heard.
"""

from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kiosk.protocol.card_text import CardId
from kiosk.protocol.delivery import SEQUENCE_MAX
from kiosk.protocol.event import Signature
from kiosk.protocol.payload import decode_payload, encode_payload
from kiosk.protocol.signature import PublicKey

REVOKED_MAX: Final = 1_400
"""So many card ids, 11 bytes each, fit into the largest payload that a kiosk reads."""


class CardList(msgspec.Struct, frozen=True, kw_only=True):
    """Which cards count. Reading ignores unknown keys.

    Attributes:
        version: It grows with each change; a kiosk ignores a list that is older than its own.
        public_key: What cards, and this list, are signed with.
        revoked: The cards that were revoked, without those that have expired anyway.
        signature: The last field.
    """

    version: Annotated[int, Meta(ge=1, le=SEQUENCE_MAX)]
    public_key: PublicKey
    revoked: Annotated[tuple[CardId, ...], Meta(max_length=REVOKED_MAX)] = ()
    signature: Signature | UnsetType = UNSET


def encode_cards(cards: CardList) -> bytes:
    """Write the message as JSON.

    Raises:
        PayloadError: A field breaks the schema.
    """
    return encode_payload(cards, decode_cards)


def decode_cards(payload: bytes) -> CardList:
    """Read the message.

    Raises:
        PayloadError: The payload is not JSON, or not such a message.
    """
    cards: CardList = decode_payload(payload, CardList, "a list of cards")
    return cards
