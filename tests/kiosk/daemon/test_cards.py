"""Cards at the door: read by the camera, verified without a network, and one event at most."""

import dataclasses
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.clock import ManualClock
from kiosk.config.keys import Config
from kiosk.daemon.card_desk import CardDesk
from kiosk.daemon.news.card_list import CardFile, CardVerdict, Judgement, judge
from kiosk.daemon.recorder import Recorder
from kiosk.daemon.results import AlreadyStored, Stored
from kiosk.daemon.times.steady_clock import SteadyClock
from kiosk.outbox.outbox import Outbox
from kiosk.protocol.card_text import Card, write_card
from kiosk.protocol.cards import CardList, encode_cards
from kiosk.protocol.event import AttendanceEvent, decode
from kiosk.protocol.signature import Signer
from kiosk.protocol.topics import KioskAddress
from kiosk.recognition.qr import QrReader
from kiosk.records import Decision, Frame, Image, Verdict

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
DOOR = KioskAddress("school", "room-1", "kiosk-1")
TODAY = date(2026, 11, 25)
NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
LAST_DAY = date(2027, 7, 31)
GOOD = write_card(Card("AAAAAAAA", "s-1", LAST_DAY), KEY)
VALID = Judgement(CardVerdict.VALID, "s-1", "AAAAAAAA")
OTHER = Judgement(CardVerdict.VALID, "s-2", "AAAAAAAE")
BAD = {
    CardVerdict.EXPIRED: write_card(Card("AAAAAAAB", "s-2", date(2026, 11, 24)), KEY),
    CardVerdict.REVOKED: write_card(Card("AAAAAAAC", "s-3", LAST_DAY), KEY),
    CardVerdict.UNSIGNED: write_card(Card("AAAAAAAD", "s-4", LAST_DAY), OTHER_KEY),
}


def published(
    version: int = 1,
    *revoked: str,
    key: Ed25519PrivateKey = KEY,
    address: KioskAddress = DOOR,
) -> bytes:
    """A list as the register publishes it for a kiosk."""
    signer = Signer(key, address)
    cards = CardList(version=version, public_key=signer.public_key, revoked=revoked)
    return signer.sign(encode_cards(cards))


def picture(*texts: str, module_px: int = 3) -> Image:
    """A grey frame in which each code is held up, side by side, with its white border."""
    image: Image = np.full((480, 640, 3), 120, np.uint8)
    for i, text in enumerate(texts):
        code = segno.make(text, error="l", boost_error=False, micro=False)
        rows = [list(row) for row in code.matrix_iter(scale=module_px, border=4)]
        drawn = np.where(np.array(rows, bool), 30, 220).astype(np.uint8)[..., None]
        left = 20 + i * 300
        image[60 : 60 + len(rows), left : left + len(rows)] = drawn
    return image


@pytest.fixture
def file(tmp_path: Path) -> CardFile:
    """A kiosk that has heard of the cards, of which one is revoked."""
    file = CardFile(tmp_path / "cards.json", DOOR)
    file.hear(published(1, "AAAAAAAC"))
    return file


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def signals() -> list[CardVerdict]:
    return []


@pytest.fixture
def look(
    file: CardFile, clock: ManualClock, signals: list[CardVerdict]
) -> Callable[[Image], tuple[str, ...]]:
    """Show a picture half a second after the one before."""
    desk = CardDesk(QrReader().read, file, clock, lambda: TODAY, signals.append)

    def show(image: Image) -> tuple[str, ...]:
        clock.advance(0.5)
        seen = desk.see(Frame(image, 0, clock.monotonic_s()))
        return tuple(one.subject_id for one in seen)

    return show


Look = Callable[[Image], tuple[str, ...]]

# What is read


def test_a_card_in_the_picture_names_its_student(look: Look, signals: list[CardVerdict]) -> None:
    """The code is found in the frame, and verified."""
    assert look(picture(GOOD)) == ("s-1",)
    assert signals == [CardVerdict.VALID]


def test_two_cards_at_once_name_both(look: Look) -> None:
    """Students come in pairs."""
    other = write_card(Card("AAAAAAAE", "s-5", LAST_DAY), KEY)
    assert sorted(look(picture(GOOD, other))) == ["s-1", "s-5"]


@pytest.mark.parametrize("verdict", BAD)
def test_another_card_names_nobody(
    verdict: CardVerdict,
    look: Look,
    signals: list[CardVerdict],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log says why, once while the card stays in view, and not whose it claims to be."""
    caplog.set_level(logging.INFO)
    assert [look(picture(BAD[verdict])) for _ in range(3)] == [()] * 3
    assert signals == [verdict]
    assert caplog.text.count(f"a card was refused: {verdict}") == 1
    assert "s-" not in caplog.text
    assert "AAAAAAA" not in caplog.text


@pytest.mark.parametrize("text", ["https://example.org/menu", "WIFI:S:school;;", "ñ" * 20])
def test_other_codes_are_none_of_our_business(
    text: str, look: Look, signals: list[CardVerdict]
) -> None:
    """A code on a shirt is neither a card nor a refused one."""
    assert look(picture(text)) == ()
    assert signals == []


def test_a_code_that_is_no_text_is_no_error() -> None:
    """Bytes that are not UTF-8 do not stop the camera."""
    code = segno.make_qr(b"\xff\xfe\x80\x81" * 5, mode="byte")
    rows = np.array([list(row) for row in code.matrix_iter(scale=6, border=4)], bool)
    grey = np.where(rows, 20, 230).astype(np.uint8)
    assert not [one for one in QrReader().read(np.dstack([grey] * 3)) if one.startswith("KIOSK")]


def test_cards_take_a_fifth_of_the_time_at_most(file: CardFile, clock: ManualClock) -> None:
    """A slow machine looks for cards less often, so that faces keep their rate."""
    looks: list[float] = []

    def slow(_image: Image) -> tuple[str, ...]:
        looks.append(clock.monotonic_s())
        clock.advance(0.2)
        return ()

    desk = CardDesk(slow, file, clock, lambda: TODAY)
    begin_s = clock.monotonic_s()
    while clock.monotonic_s() < begin_s + 10:
        desk.see(Frame(picture(), 0, clock.monotonic_s()))
        clock.advance(0.05)
    assert 9 <= len(looks) <= 11


def test_nothing_is_looked_for_until_there_are_cards(tmp_path: Path, clock: ManualClock) -> None:
    """A school without cards pays nothing for them."""

    def never(_image: Image) -> tuple[str, ...]:
        raise AssertionError

    file = CardFile(tmp_path / "cards.json", DOOR)
    assert CardDesk(never, file, clock, lambda: TODAY).see(Frame(picture(GOOD), 0, 0.0)) == ()


def test_a_card_counts_on_its_last_day(file: CardFile) -> None:
    """And not on the next."""
    assert file.cards is not None
    assert judge(GOOD, file.cards, LAST_DAY).subject_id == "s-1"
    assert judge(GOOD, file.cards, date(2027, 8, 1)).verdict is CardVerdict.EXPIRED


# What is heard


def test_the_list_survives_a_start_without_a_network(tmp_path: Path, file: CardFile) -> None:
    """The next run knows the key and the revoked cards before it hears anything."""
    assert file.cards is not None
    again = CardFile(tmp_path / "cards.json", DOOR)
    assert again.cards == file.cards
    assert CardFile(tmp_path / "cards.json", DOOR, is_used=False).cards is None
    assert (tmp_path / "cards.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", None),
        (b"{}", "not a list of cards"),
        (published(2, "AAAAAAAD", key=OTHER_KEY), "another key than before"),
        (published(2, address=KioskAddress("school", "room-1", "kiosk-2")), "not signed for this"),
        (published(1), None),
        (published(9, "AAAAAAAD").replace(b"AAAAAAAD", b"AAAAAAAE"), "not signed for this"),
    ],
)
def test_a_list_that_is_wrong_changes_nothing(
    payload: bytes, says: str | None, file: CardFile, caplog: pytest.LogCaptureFixture
) -> None:
    """Forged, older, foreign or damaged: the list that is there stays, and the log says why."""
    before = file.cards
    file.hear(payload)
    file.hear(payload)
    assert file.cards == before
    if says is None:
        assert not caplog.records
    else:
        assert caplog.text.count(says) == 1


def test_a_damaged_file_waits_for_the_register(
    tmp_path: Path, file: CardFile, caplog: pytest.LogCaptureFixture
) -> None:
    """The kiosk starts, and takes the retained list again."""
    (tmp_path / "cards.json").write_bytes(b"{" * 100)
    again = CardFile(tmp_path / "cards.json", DOOR)
    assert again.cards is None
    assert "not used, until the register sends it again" in caplog.text
    again.hear(published(1, "AAAAAAAC"))
    assert again.cards == file.cards


# What is stored


def test_card_and_face_are_one_event(tmp_path: Path, clock: ManualClock) -> None:
    """Whoever shows a card after the face was seen, or again, is recorded once; it is named."""
    outbox = Outbox(tmp_path / "outbox.sqlite3")
    recorder = Recorder(outbox, SteadyClock(clock), Config(), "model-1", committed=lambda: None)
    face = Decision(
        Verdict.KNOWN, "s-1", score=0.7, margin=0.3, threshold=0.5, votes=3, frames=4, quality=1.0
    )
    assert isinstance(recorder.store(face), Stored)
    assert isinstance(recorder.store_card(VALID), AlreadyStored)
    assert isinstance(recorder.store_card(OTHER), Stored)
    assert isinstance(recorder.store_card(OTHER), AlreadyStored)
    assert isinstance(recorder.store(dataclasses.replace(face, subject_id="s-2")), AlreadyStored)
    events = [decode(row.payload) for row in outbox.pending(9)]
    assert [
        (one.subject_id, one.method, bool(one.decision), one.card or "")
        for one in events
        if isinstance(one, AttendanceEvent)
    ] == [("s-1", "face", True, ""), ("s-2", "qr", False, "AAAAAAAE")]
    outbox.close()


def test_with_a_configured_key_no_other_register_issues_cards(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even the one that is heard first; and a list of before is dropped."""
    path = tmp_path / "cards.json"
    CardFile(path, DOOR).hear(published(9, key=OTHER_KEY))
    file = CardFile(path, DOOR, Signer(KEY, DOOR).public_key)
    assert file.cards is None
    file.hear(published(10, key=OTHER_KEY))
    assert file.cards is None
    assert "its key is not register.public_key of the configuration" in caplog.text
    file.hear(published(1))
    assert file.cards is not None
