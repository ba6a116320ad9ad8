"""How far the events of a kiosk can be relied on, in words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kiosk.register.rules.completeness import STALE, Word, assess, describe

NOW = datetime(2026, 11, 25, 14, 56, tzinfo=UTC)
ZONE = ZoneInfo("America/Mexico_City")  # 6 h behind UTC: now is 08:56
AT_0750 = datetime(2026, 11, 25, 13, 50, tzinfo=UTC)
AT_0855 = datetime(2026, 11, 25, 14, 55, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def text(
    word: Word,
    *,
    covered_at: datetime | None = None,
    last_event_at: datetime | None = None,
    missing: int = 0,
    now: datetime = NOW,
) -> str:
    facts = assess(
        word, covered_at=covered_at, last_event_at=last_event_at, missing=missing, now=now
    )
    return describe(facts, ZONE, now)


def test_a_kiosk_is_complete_until_its_last_health_message() -> None:
    """All that it had by then is stored."""
    word = Word(is_online=True, availability_at=AT_0750, health_at=AT_0855)
    assert text(word, covered_at=AT_0855) == "complete until 08:55"


def test_without_health_the_last_event_is_the_proof() -> None:
    """The numbers before it are all stored."""
    assert text(Word(), last_event_at=AT_0750) == "complete until 07:50"


def test_missing_events_of_a_kiosk_that_is_away_are_expected() -> None:
    """The text says since when, and how many."""
    word = Word(is_online=False, availability_at=AT_0750)
    assert text(word, covered_at=AT_0750, missing=12) == "offline since 07:50, 12 events expected"


def test_missing_events_of_a_kiosk_that_is_there_are_expected() -> None:
    """Up to the first missing one, the list is complete."""
    word = Word(is_online=True, availability_at=AT_0750, health_at=AT_0855)
    said = text(word, last_event_at=AT_0750, missing=1)
    assert said == "complete until 07:50, 1 event expected"


def test_online_expires_without_health() -> None:
    """The broker may keep "online" although kiosk and broker lost power together."""
    word = Word(is_online=True, availability_at=AT_0750 - MINUTE, health_at=AT_0750)
    assert text(word, now=AT_0750 + STALE) == "not known yet"
    assert text(word, now=AT_0750 + STALE + MINUTE) == "offline since 07:50"


def test_health_puts_a_false_offline_right() -> None:
    """Who sends health is there, whatever somebody else has published."""
    word = Word(is_online=False, availability_at=AT_0750, health_at=AT_0855)
    assert text(word, covered_at=AT_0855) == "complete until 08:55"


@pytest.mark.parametrize("is_online", [True, None])
def test_a_kiosk_without_health_is_believed(is_online: bool | None) -> None:  # noqa: FBT001
    """An older kiosk sends none."""
    word = Word(is_online=is_online, availability_at=AT_0750 - timedelta(days=1))
    assert text(word) == "not known yet"


def test_another_day_is_named() -> None:
    """A time without a date is today's."""
    word = Word(is_online=False, availability_at=AT_0750 - timedelta(days=1))
    assert text(word) == "offline since 2026-11-24 07:50"
