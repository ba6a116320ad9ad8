"""Cards: issued once, printed as they are read, revoked, and told to the kiosks."""

import base64
import io
import re
import zlib
from datetime import UTC, date, datetime
from typing import Any

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fontTools.ttLib import TTFont

from kiosk.protocol.card_text import read_card
from kiosk.protocol.cards import CardList, decode_cards
from kiosk.protocol.signature import is_signed_by
from kiosk.protocol.topics import CARDS, KioskAddress
from kiosk.register.erasing.erase import erase_subject
from kiosk.register.models import Account, Card, Kiosk, Person, Publication
from kiosk.register.office.card_fonts import installed, needed, not_written
from kiosk.register.office.card_sheet import PrintedCard, card_sheet
from kiosk.register.office.cards import card_text, issue, school_year_end
from kiosk.register.publications.card_lists import publish_cards
from kiosk.register.web.pages.cards import urlpatterns
from tests.kiosk.register.web.support import School, client_of

DOOR = KioskAddress("school", "room-7", "door")
NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
needs_font = pytest.mark.skipif(
    not installed(), reason="the Debian package fonts-dejavu-core is absent"
)


@pytest.fixture
def door(school: School) -> KioskAddress:
    """The kiosk of the small school."""
    assert school
    Kiosk.objects.create(site=DOOR.site, room=DOOR.room, kiosk=DOOR.kiosk)
    return DOOR


def change(do: str, *students: str, account: str = "olga", expires: str = "") -> Any:  # noqa: ANN401 - Django's own response
    year = datetime.now(UTC).year + 1
    data = {"class": "7b", "student": students, "do": do, "expires": expires or f"{year}-07-31"}
    return client_of(account).post("/cards/change", data, follow=True)


def told() -> list[CardList]:
    """What the kiosk was told, each signed for it."""
    rows = Publication.objects.filter(topic=DOOR.topic(CARDS)).order_by("id")
    lists = [decode_cards(bytes(one.payload)) for one in rows]
    assert all(
        is_signed_by(bytes(row.payload), DOOR, one.public_key)
        for row, one in zip(rows, lists, strict=True)
    )
    return lists


def key() -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(told()[-1].public_key + "="))


def test_a_class_gets_cards_once(door: KioskAddress) -> None:
    """Issuing for the whole class makes one card each; again, everybody keeps theirs."""
    assert door
    assert "3 cards issued" in change("issue").content.decode()
    assert "3 students have a card and keep it" in change("issue").content.decode()
    assert sorted(Card.objects.values_list("person_id", flat=True)) == ["s-1", "s-2", "s-3"]


def test_a_card_is_what_kiosks_verify(door: KioskAddress) -> None:
    """The code of an issued card is read with the key that the kiosk was told."""
    assert door
    change("issue", "s-1")
    card = Card.objects.get()
    found = read_card(card_text(card), key())
    assert found is not None
    assert (found.card_id, found.subject_id) == (card.card_id, "s-1")
    assert found.expires_on == card.expires_on


def test_a_lost_card_is_revoked_at_the_kiosks(door: KioskAddress) -> None:
    """Replacing revokes the old card alone; the kiosk is told its id in a newer list."""
    assert door
    change("issue", "s-1", "s-2")
    old = Card.objects.get(person="s-1")
    change("replace", "s-1")
    new = Card.objects.get(person="s-1", revoked_at=None)
    assert new.card_id != old.card_id
    first, last = told()
    assert (first.revoked, last.revoked) == ((), (old.card_id,))
    assert last.version > first.version
    change("revoke", "s-1")
    assert set(told()[-1].revoked) == {old.card_id, new.card_id}


def test_nothing_is_told_before_the_first_card_or_twice(door: KioskAddress) -> None:
    """A school without cards has kiosks that look for none; an unchanged list is not sent again."""
    assert door
    assert publish_cards(NOW) == 0
    change("issue", "s-1")
    assert publish_cards(NOW) == 0
    assert len(told()) == 1


def test_an_expired_card_leaves_the_list(door: KioskAddress) -> None:
    """Kiosks refuse it by its date, so that the list stays short."""
    assert door
    alice = Account.objects.get(username="alice")
    people = [Person.objects.get(pk="s-1")]
    issue(people, date(2026, 12, 1), account=alice, now=NOW, today=NOW.date())
    Card.objects.update(revoked_at=NOW)
    publish_cards(NOW)
    assert len(told()[-1].revoked) == 1
    publish_cards(NOW.replace(month=12, day=3))
    assert told()[-1].revoked == ()


def test_the_card_of_an_erased_student_stays_revoked(door: KioskAddress) -> None:
    """Erasure deletes the name, and the kiosks go on to refuse the card."""
    assert door
    change("issue", "s-1")
    erase_subject("s-1", NOW)
    card = Card.objects.get()
    assert card.person is None
    publish_cards(datetime.now(UTC))
    assert told()[-1].revoked == (card.card_id,)


@pytest.mark.parametrize("expires", ["", "31.7.2027", "2001-01-01", "2999-01-01"])
def test_a_last_day_must_be_one(school: School, expires: str) -> None:
    """A day that is past, too far or none issues nothing, and says so."""
    assert school
    answer = change("issue", "s-1", expires=expires or "x")
    assert "Choose a last day" in answer.content.decode()
    assert not Card.objects.exists()


@pytest.mark.parametrize("do", ["revoke", "replace"])
def test_nobody_chosen_loses_no_card(school: School, do: str) -> None:
    """Only issuing and printing are for the whole class by themselves."""
    assert school
    change("issue")
    assert "Choose at least one student" in change(do).content.decode()
    assert not Card.objects.exclude(revoked_at=None).exists()


def test_another_class_stays_out(school: School) -> None:
    """A student of another class is not issued a card by a forged form."""
    assert school
    change("issue", "s-4")
    assert not Card.objects.filter(person="s-4").exists()


def test_a_teacher_sees_own_classes_and_changes_nothing(school: School) -> None:
    """Alice sees the cards of 7B without buttons; Bob does not see 7B."""
    assert school
    change("issue", "s-1")
    page = client_of("alice").get("/cards?class=7b").content.decode()
    assert Card.objects.get().card_id in page
    assert "Issue where" not in page
    assert (
        Card.objects.get().card_id not in client_of("bob").get("/cards?class=7b").content.decode()
    )
    assert change("revoke", "s-1", account="alice").status_code == 403
    assert len(urlpatterns) == 3


def codes_of(pdf: bytes) -> list[str]:
    """What the QR codes of the first page say: its filled rectangles, drawn and read."""
    page = next(one for one in streams_of(pdf) if b" re f" in one).decode("latin-1")
    scale = 2.0
    image = np.full((1800, 1300, 3), 255, np.uint8)
    for x, y, w, h in re.findall(r"([\d.-]+) ([\d.-]+) ([\d.-]+) ([\d.-]+) re f", page):
        left, top = round(float(x) * scale), 1750 - round(float(y) * scale)
        right = round((float(x) + float(w)) * scale)
        bottom = 1750 - round((float(y) + float(h)) * scale)
        cv2.rectangle(image, (left, top), (right - 1, bottom - 1), (0, 0, 0), -1)
    _found, texts, _points, _codes = cv2.QRCodeDetectorAruco().detectAndDecodeMulti(image)
    return list(texts)


def sheet_of(name: str) -> bytes:
    """A sheet with one card."""
    card = PrintedCard(name=name, group="7B", card_id="1", expires="until today", text="code")
    return card_sheet([card], "a4", installed())


def streams_of(pdf: bytes) -> list[bytes]:
    """What is in a PDF: pages and fonts."""
    found = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    return [zlib.decompress(one) for one in found if one.startswith(b"x\x9c")]


def glyphs_of(pdf: bytes) -> int:
    """How many glyphs the font in a PDF has."""
    font = next(one for one in streams_of(pdf) if one.startswith(b"\0\1\0\0"))
    return len(TTFont(io.BytesIO(font)).getGlyphOrder())


@pytest.mark.parametrize("paper", ["a4", "letter"])
def test_the_sheet_is_printed_as_it_is_read(school: School, paper: str) -> None:
    """The PDF has the code of each student of the class."""
    assert school
    change("issue")
    data = {"class": "7b", "paper": paper}
    answer = client_of("olga").post("/cards/sheet", data)
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Cache-Control"] == "no-store"
    expected = {card_text(one) for one in Card.objects.all()}
    assert set(codes_of(answer.content)) == expected


def test_a_sheet_without_cards_is_no_empty_file(school: School) -> None:
    """The page says to issue cards first."""
    assert school
    answer = client_of("olga").post("/cards/sheet", {"class": "7b"}, follow=True)
    assert "issue cards first" in answer.content.decode()


@pytest.mark.parametrize(
    ("today", "begins", "end"),
    [
        (date(2026, 11, 25), 8, date(2027, 7, 31)),
        (date(2027, 7, 31), 8, date(2027, 7, 31)),
        (date(2027, 8, 1), 8, date(2028, 7, 31)),
        (date(2026, 11, 25), 1, date(2026, 12, 31)),
    ],
)
def test_cards_last_for_the_school_year(today: date, begins: int, end: date) -> None:
    """The last day that the form proposes."""
    assert school_year_end(today, begins) == end


def test_a_name_that_the_sheet_cannot_write_is_named() -> None:
    """Without a font, Helvetica has the letters of western Europe."""
    names = ["Ana Pérez", "Ольга", "王小明", "محمد"]
    assert not_written(names, ()) == names[1:]


@needs_font
def test_letters_of_arabic_are_joined() -> None:
    """A meem at the beginning is another glyph than one in the middle; apart, both are the same."""
    assert glyphs_of(sheet_of("محمد")) == glyphs_of(sheet_of("م ح م د")) + 1


@pytest.mark.parametrize("name", ["Alma", "María de los Ángeles Hernández-Villaseñor", "x" * 200])
def test_a_name_of_any_length_stays_on_its_card(name: str) -> None:
    """A long one is written smaller."""
    page = next(one for one in streams_of(sheet_of(name)) if b" re f" in one)
    heights = [float(one) for one in re.findall(rb"BT [\d.]+ ([\d.]+) Td", page)]
    assert max(heights) - min(heights) < (54 - 8) * 72 / 25.4


@needs_font
def test_a_sheet_carries_the_fonts_that_its_names_need_and_no_other() -> None:
    """The first one always; joiners, which no one sees, need none."""
    fonts = installed()
    assert not_written(["محمد\u200c", "Ольга", "王小明"], fonts[:1]) == ["王小明"]
    assert needed(["Ольга", "\u200cÑandú"], (fonts[0], fonts[0])) == fonts[:1]


def test_the_page_names_who_must_be_written_by_hand(school: School) -> None:
    """Before the sheet is printed."""
    assert school
    page = client_of("olga").get("/cards?class=7b").content.decode()
    assert "cannot write these names" not in page
    Person.objects.filter(pk="s-2").update(name="𓀀")
    page = client_of("olga").get("/cards?class=7b").content.decode()
    assert "cannot write these names as they are: 𓀀." in page
