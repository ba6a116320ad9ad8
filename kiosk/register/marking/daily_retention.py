"""Delete once a day what the schedule says, a few rows at a time, so that marks go on."""

import logging
from collections.abc import Iterator
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from kiosk.register.config import RetentionSection
from kiosk.register.erasing.erase import empty_log
from kiosk.register.erasing.retention import Step, begin, deleting, plan
from kiosk.register.erasing.table_words import rows_text

_log = logging.getLogger(__name__)


class DailyRetention:
    """The schedule, at its time of day.

    Args:
        section: How many days are kept, and when the rest is deleted.
        zone: The time zone of the days.
    """

    def __init__(self, section: RetentionSection, zone: ZoneInfo) -> None:
        self._section = section
        self._zone = zone
        self._done_on: date | None = None
        self._batches: Iterator[int] | None = None

    def turn(self, now: datetime) -> bool:
        """Delete one batch, if it is time to; return whether there is more.

        Raises:
            django.db.OperationalError, django.db.InterfaceError: The database is away.
        """
        if self._batches is None and not self._is_due(now):
            return False
        if self._batches is None:
            self._batches = _begin(plan(self._section, self._zone, now), now)
        if next(self._batches, None) is not None:
            return True
        self._batches, self._done_on = None, now.astimezone(self._zone).date()
        return False

    def _is_due(self, now: datetime) -> bool:
        local = now.astimezone(self._zone)
        at = self._section.at
        return bool(at) and local.date() != self._done_on and local.time() >= time.fromisoformat(at)


def _begin(steps: list[Step], now: datetime) -> Iterator[int]:
    """Name what is due, then delete it batch by batch."""
    due = {one.table: (one.before, one.rows.count()) for one in steps}
    due = {table: one for table, one in due.items() if one[1]}
    if not due:
        return
    for table, (before, count) in due.items():
        _log.info("retention: %s before %s deleted now", rows_text(table, count), before)
    run = begin(steps, now)
    yield from deleting(steps, run)
    _log.info("retention: done, receipt %d", run.pk)
    if not empty_log():
        _log.warning("retention: somebody reads the database, so its log (-wal) still has the rows")
