"""Alerts: a kiosk that is silent or blind in lesson time, and its recovery.

After the register was away itself it knows nothing of any kiosk, so it waits before it alerts, and
records from when to when it was blind.

When an alert was due is computed, and is not when somebody looked: several instances that look at
the same facts write the same alert, and the first of them wins. Its end is when it was seen; a
caller writes it only where there is none yet.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from kiosk.protocol.topics import KioskAddress
from kiosk.register.rules.lesson import Lesson
from kiosk.register.rules.settings import RuleSettings

LONGEST_PAUSE: Final = timedelta(minutes=1)
"""If the register was not at work for longer, it was blind; that is kept."""


class Trouble(StrEnum):
    """What is wrong with a kiosk."""

    SILENT = "silent"
    BLIND = "blind"


@dataclass(frozen=True, slots=True, kw_only=True)
class KioskState:
    """A kiosk now.

    Attributes:
        address: The kiosk.
        offline_since: Since when it is away; ``None`` if it is not.
        blind_since: Since when it says that its camera gives no picture; ``None`` if it does.
    """

    address: KioskAddress
    offline_since: datetime | None = None
    blind_since: datetime | None = None

    @property
    def trouble(self) -> tuple[Trouble, datetime] | None:
        """What is wrong, and since when."""
        if self.offline_since is not None:
            return Trouble.SILENT, self.offline_since
        return (Trouble.BLIND, self.blind_since) if self.blind_since is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A kiosk was silent or blind in lesson time.

    Attributes:
        address: The kiosk.
        trouble: What was wrong.
        since: Since when.
        recovered_at: When it was seen to be over; ``None`` while it is not.
    """

    address: KioskAddress
    trouble: Trouble
    since: datetime
    recovered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Blind:
    """The register itself was away, or without broker or database.

    Attributes:
        begin: When it was at work last.
        end: When it was at work again.
    """

    begin: datetime
    end: datetime


def own_outage(last_beat: datetime | None, now: datetime) -> Blind | None:
    """Return the register's own absence; ``None`` if there was none.

    Args:
        last_beat: When it was at work last, as it notes every 10 s; ``None`` on the first start.
        now: The current time, at which it is at work.
    """
    if last_beat is None or now - last_beat <= LONGEST_PAUSE:
        return None
    return Blind(last_beat, now)


def next_alert(
    kiosk: KioskState,
    opened: Alert | None,
    lessons: Iterable[Lesson],
    settings: RuleSettings,
    now: datetime,
    *,
    at_work_since: datetime,
) -> Alert | None:
    """Return the alert to write: a new one, or the open one with its end; ``None`` for neither.

    Args:
        kiosk: The kiosk now.
        opened: Its open alert.
        lessons: The lessons around now, of any room.
        settings: The rules.
        now: The current time, aware.
        at_work_since: Since when the register has been at work: its start, or the end of its last
            :class:`Blind`.
    """
    trouble = kiosk.trouble
    if opened is not None:
        is_over = trouble is None or trouble[0] is not opened.trouble
        return replace(opened, recovered_at=now) if is_over else None
    if trouble is None:
        return None
    begin = _lesson_time(kiosk.address, lessons, settings, now)
    if begin is None:
        return None
    kind, since = trouble
    due_at = max(max(since, begin) + settings.alert_after, at_work_since + settings.alert_grace)
    return Alert(address=kiosk.address, trouble=kind, since=since) if now >= due_at else None


def _lesson_time(
    address: KioskAddress, lessons: Iterable[Lesson], settings: RuleSettings, now: datetime
) -> datetime | None:
    """Return since when the kiosk is needed; ``None`` if it is not needed now."""
    begins = [
        one.starts_at - settings.window_before
        for one in lessons
        if (one.site, one.room) == (address.site, address.room) and not one.is_cancelled
        if one.starts_at - settings.window_before <= now < one.ends_at
    ]
    return min(begins, default=None)
