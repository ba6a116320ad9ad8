"""How complete what the register has of a kiosk is, as a fact and as a text.

Somebody is absent only if the door's events are complete past the end of the lesson. Otherwise the
answer is "not known yet", and this module says why.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from kiosk.counted import counted

STALE: Final = timedelta(minutes=3)
"""A kiosk that reports its health every minute is away when none came for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What was heard of a kiosk last.

    Attributes:
        is_online: Its last availability message; ``None`` without one.
        availability_at: When that arrived.
        health_at: When its last health message arrived; ``None`` without one.
    """

    is_online: bool | None = None
    availability_at: datetime | None = None
    health_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """How far the events of a kiosk can be relied on.

    Attributes:
        complete_until: Every event before this time is stored or known to be gone; ``None`` if that
            is true of no time.
        offline_since: Since when the kiosk is away; ``None`` if it is not known to be.
        missing: How many events it is known to have that the register has not.
    """

    complete_until: datetime | None
    offline_since: datetime | None
    missing: int


def assess(
    word: Word,
    *,
    covered_at: datetime | None,
    last_event_at: datetime | None,
    missing: int,
    now: datetime,
) -> Completeness:
    """Return how complete a kiosk is.

    Args:
        word: What was heard of it last.
        covered_at: Time of its newest health message of whose events none is missing.
        last_event_at: Time of the event at its watermark, if its clock was synchronised.
        missing: How many events are missing.
        now: The current time.
    """
    proofs = [one for one in (covered_at, last_event_at) if one is not None]
    return Completeness(
        complete_until=max(proofs, default=None),
        offline_since=_offline_since(word, now),
        missing=missing,
    )


def describe(facts: Completeness, zone: ZoneInfo, now: datetime) -> str:
    """Return a text such as "offline since 07:50, 12 events expected"."""
    parts: list[str] = []
    is_offline = facts.offline_since is not None
    if facts.offline_since is not None:
        parts.append(f"offline since {_clock_time(facts.offline_since, zone, now)}")
    if facts.complete_until is not None and not (is_offline and facts.missing):
        parts.append(f"complete until {_clock_time(facts.complete_until, zone, now)}")
    if facts.missing:
        parts.append(f"{counted(facts.missing, 'event')} expected")
    return ", ".join(parts) or "not known yet"


def _offline_since(word: Word, now: datetime) -> datetime | None:
    """Return since when a kiosk is away.

    Health that came later than "offline" proves it wrong; "online" expires without health. A kiosk
    that sends no health is believed.
    """
    heard = [one for one in (word.health_at, word.availability_at) if one is not None]
    if not heard:
        return None
    newest = max(heard)
    is_health_newest = word.health_at == newest
    if word.is_online is False and not is_health_newest:
        return word.availability_at
    if word.health_at is not None and now - newest > STALE:
        return newest
    return None


def _clock_time(moment: datetime, zone: ZoneInfo, now: datetime) -> str:
    """Return hours and minutes, with the date unless it is today's."""
    local = moment.astimezone(zone)
    is_today = local.date() == now.astimezone(zone).date()
    return local.strftime("%H:%M" if is_today else "%Y-%m-%d %H:%M")
