"""Cards: what their code says, who has signed it, and the list of those that count."""

import base64
from datetime import date

import pytest
import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.errors import PayloadError
from kiosk.protocol.card_text import PREFIX, SUBJECT_MAX, Card, new_card_id, read_card, write_card
from kiosk.protocol.cards import REVOKED_MAX, CardList, decode_cards, encode_cards
from kiosk.protocol.payload import PAYLOAD_MAX
from kiosk.protocol.signature import Signer, is_signed_by
from kiosk.protocol.topics import KioskAddress

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
DOOR = KioskAddress(site="school", room="room-1", kiosk="kiosk-1")
CARD = Card("K7Q2M4XA", "s-0001", date(2027, 7, 31))
TEXT = write_card(CARD, KEY)


@pytest.mark.parametrize("subject_id", ["s-0001", "ñ", "x" * SUBJECT_MAX])
def test_a_card_is_read_as_it_was_written(subject_id: str) -> None:
    """Number, person and last day survive, for a subject id of any characters."""
    card = Card(new_card_id(), subject_id, date(2027, 7, 31))
    assert read_card(write_card(card, KEY), KEY.public_key()) == card


def forged(body: bytes) -> str:
    """A text of the right form with the signature of another card."""
    return PREFIX + base64.b32encode(body + bytes(64)).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.org",
        PREFIX,
        PREFIX + "A" * 400,
        f"{PREFIX}A",
        TEXT.lower(),
        TEXT[:-8],
        TEXT.replace("KIOSK1", "KIOSK2"),
        f"{TEXT}\n",
        forged(b"12345" + b"\x50\x00" + b"s-0001"),
        forged(b"12345"),
        write_card(CARD, Ed25519PrivateKey.from_private_bytes(b"x" * 32)),
    ],
)
def test_what_the_register_has_not_signed_is_no_card(text: str) -> None:
    """Another key, a cut or foreign text give nobody a name, and no error."""
    assert read_card(text, KEY.public_key()) is None


def test_each_changed_character_breaks_a_card() -> None:
    """Nobody turns their card into another person's, or makes it last longer."""
    for i in range(len(PREFIX), len(TEXT) - 1):
        other = "A" if TEXT[i] != "A" else "B"
        assert read_card(TEXT[:i] + other + TEXT[i + 1 :], KEY.public_key()) is None


def test_the_code_is_small_enough_for_a_camera() -> None:
    """A usual subject id gives 37 modules: alphanumeric, version 5."""
    assert segno.make(TEXT, error="l", boost_error=False, micro=False).designator == "5-L"


@pytest.mark.parametrize("subject_id", ["", "x" * (SUBJECT_MAX + 1)])
def test_a_card_without_room_for_the_person_is_not_written(subject_id: str) -> None:
    """The mistake is said where the card is issued."""
    with pytest.raises(ValueError, match="subject id on a card"):
        write_card(Card("K7Q2M4XA", subject_id, CARD.expires_on), KEY)


def test_the_longest_list_is_one_message() -> None:
    """The largest list with its signature is a payload that kiosks read, and no longer one is."""
    signer = Signer(KEY, DOOR)
    revoked = tuple(new_card_id() for _ in range(REVOKED_MAX))
    cards = CardList(version=2**53 - 1, public_key=signer.public_key, revoked=revoked)
    payload = signer.sign(encode_cards(cards))
    assert len(payload) <= PAYLOAD_MAX
    assert decode_cards(payload).revoked == revoked
    assert is_signed_by(payload, DOOR, signer.public_key)
    with pytest.raises(PayloadError, match="not a list of cards"):
        encode_cards(CardList(version=1, public_key=signer.public_key, revoked=(*revoked, "A" * 8)))


@pytest.mark.parametrize("revoked", [["a"], ["A" * 9], [1], "A" * 8])
def test_a_list_that_breaks_the_schema_is_rejected(revoked: object) -> None:
    """What is no list of cards is one error."""
    text = b'{"version":1,"public_key":"%s","revoked":%s}' % (
        b"A" * 43,
        str(revoked).replace("'", '"').encode(),
    )
    with pytest.raises(PayloadError, match="not a list of cards"):
        decode_cards(text)
