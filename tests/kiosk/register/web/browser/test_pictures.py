"""The pictures of the README, of a class that is invented.

With ``README_PICTURES=1`` they are written to ``.readme``; else they are only made.
"""

import io
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from django.conf import settings
from msgspec import structs
from PIL import Image
from playwright.sync_api import Browser, ViewportSize

from kiosk.protocol.health import encode_health
from kiosk.protocol.topics import KioskAddress
from kiosk.register.config import RegisterConfig
from kiosk.register.ingest.store import store
from kiosk.register.marking.participation import give_points
from kiosk.register.models import Account, Lesson, Membership, Person
from tests.kiosk.protocol.test_health import HEALTH
from tests.kiosk.register.support import OUTBOX, arrival
from tests.kiosk.register.web.browser.steps import enter
from tests.kiosk.register.web.support import School, mark

FOLDER = Path(__file__).parents[5] / ".readme"
BYTES_MAX = 120_000
CLASS = (
    ("Alma Ibarra", "present", 2),
    ("Bruno Keller", "late", 0),
    ("Chen Wei", "present", 0),
    ("Diego Ramírez", "present", 1),
    ("Elena Torres", "excused", 0),
    ("Fatima Haddad", "present", 0),
    ("Gael Mendoza", "", 0),
    ("Hugo Salas", "present", 0),
)
"""Name, status ("" for not known yet), points."""


@dataclass(frozen=True)
class Picture:
    """How a picture is taken."""

    name: str
    language: str
    scheme: Literal["dark", "light"]
    size: ViewportSize
    lesson: str
    school_class: str
    chosen: str = ""


PICTURES = (
    Picture(
        "class-now", "en", "light", {"width": 1280, "height": 720}, "Maths", "7B", "Gael Mendoza"
    ),
    Picture("class-now-phone", "es", "dark", {"width": 360, "height": 780}, "Matemáticas", "2.º B"),
)


@pytest.mark.slow
@pytest.mark.parametrize("picture", PICTURES, ids=lambda one: one.name)
def test_a_picture_of_a_class(
    browser: Browser,
    address: str,
    config: RegisterConfig,
    school: School,
    monkeypatch: pytest.MonkeyPatch,
    picture: Picture,
) -> None:
    """A class that has begun, small enough for the README."""
    monkeypatch.setattr(settings, "KIOSK", _in_the_morning(config))
    _fill(school.lesson, picture)
    with browser.new_context(
        base_url=address,
        locale=picture.language,
        color_scheme=picture.scheme,
        viewport=picture.size,
    ) as context:
        page = context.new_page()
        enter(page, "alice", address)
        page.goto(f"/lessons/{school.lesson.lesson_id}/now")
        if picture.chosen:
            page.get_by_label(picture.chosen).check()
        data = _small(page.screenshot())
    assert len(data) < BYTES_MAX
    if os.environ.get("README_PICTURES"):
        (FOLDER / f"{picture.name}.png").write_bytes(data)


def _in_the_morning(config: RegisterConfig) -> RegisterConfig:
    """Return a configuration with a time zone in which it is eight o'clock."""
    behind = datetime.now(UTC).hour - 8
    behind -= 24 if behind > 12 else 0
    section = structs.replace(config.register, timezone=f"Etc/GMT{behind:+d}")
    return structs.replace(config, register=section)


def _fill(lesson: Lesson, picture: Picture) -> None:
    now = datetime.now(UTC)
    begin = now - timedelta(minutes=15 + now.minute % 5, seconds=now.second)
    Lesson.objects.filter(pk=lesson.pk).update(
        title=picture.lesson, starts_at=begin, ends_at=begin + timedelta(minutes=50), room="room-7"
    )
    school_class = lesson.school_class
    school_class.title = picture.school_class
    school_class.save()
    Account.objects.filter(username="alice").update(first_name="Alice Moreno")
    for number, (name, status, points) in enumerate(CLASS, 1):
        key = f"s-{number}" if number < 4 else f"c-{number}"
        person, is_new = Person.objects.get_or_create(subject_id=key, defaults={"name": name})
        if is_new:
            Membership.objects.create(person=person, school_class=school_class)
        if status:
            made = mark(lesson, key, status)
            made.minutes_late = 12 if status == "late" else None
            made.is_corrected = status == "excused"
            made.save()
        if points:
            account = Account.objects.get(username="alice")
            give_points(lesson, [key], points, "homework", account=account, now=now)
    health = structs.replace(
        HEALTH, time=now.isoformat(timespec="milliseconds"), outbox_id=OUTBOX, last_sequence=0
    )
    door = KioskAddress("school", "room-7", "kiosk-1")
    store([arrival(encode_health(health), "health", address=door, at=now)], now)


def _small(picture: bytes) -> bytes:
    """Return a picture with 256 colours."""
    small = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(256).save(small, "PNG", optimize=True)
    return small.getvalue()
