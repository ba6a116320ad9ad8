"""The marker: the thread that turns stored events into marks."""

import logging
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from zlib import crc32

from django.db import IntegrityError, connection, transaction

from kiosk.clock import Clock
from kiosk.register.config import RegisterConfig
from kiosk.register.database import AWAY, describe
from kiosk.register.erasing.orders import publish_orders
from kiosk.register.erasing.waiting import delete_expired
from kiosk.register.identity.keys import signature_policy
from kiosk.register.ingest.bin_table import make_due
from kiosk.register.ingest.retry import retry_due
from kiosk.register.marking.daily_retention import DailyRetention
from kiosk.register.marking.deriving import derive_events
from kiosk.register.marking.doors import RecentDoors
from kiosk.register.marking.events import Seen, load_new, moments_of
from kiosk.register.marking.facts import load_facts, spans_around
from kiosk.register.marking.marks_table import Overtaken, save
from kiosk.register.marking.stale import derive_stale
from kiosk.register.marking.sweeping import Sweeper
from kiosk.register.messages.arrival import Reason
from kiosk.register.models import Event
from kiosk.register.models.placing import NEW, REFUSED
from kiosk.register.outage import DatabaseOutage
from kiosk.register.publications.card_lists import publish_cards
from kiosk.register.publications.room_timetables import publish_timetables

_log = logging.getLogger(__name__)

_POLL_S: Final = 0.2
"""How soon events of another instance are found; those of this one are signalled."""
_BATCH: Final = 500
_REST: Final = 4.0
_REST_MAX_S: Final = 0.5
"""While events pile up, rest so many times as long as a turn took: both share one processor, and a
kiosk waits for its confirmation, nobody for the marks of yesterday."""
_PAUSE_MAX_S: Final = 0.1
"""Otherwise pause for as long as a turn took, at most so long."""
_SWEEP_S: Final = 5.0
_TIMETABLES_S: Final = 300.0
"""How soon a kiosk that is new, or the next day, gets the timetable of its room, and the list of
cards."""
_EXPIRED_S: Final = 300.0
"""How soon an uploaded file is deleted that has expired."""
_ORDERS_S: Final = 30.0
"""How soon a kiosk that is new, or has got a trusted key, gets the erasure orders."""
_TRIES: Final = 5
_LOCK: Final = 0x6D61726B
"""Class of an advisory lock in PostgreSQL: "mark" in ASCII."""


class Marker:
    """Places new events, derives marks, and sweeps lessons and kiosks.

    Several instances may share a database: a mark is written only where it still is as it was read.

    Args:
        config: The configuration.
        clock: The time.
        stop: Ends :meth:`run` when set.
        news: Set by whoever has stored events.
        ingest_is_idle: Set while no events pile up.
    """

    def __init__(
        self,
        config: RegisterConfig,
        *,
        clock: Clock,
        stop: threading.Event,
        news: threading.Event,
        ingest_is_idle: threading.Event,
    ) -> None:
        self._rules = config.rules
        self._sites = config.register.sites
        self._policy = signature_policy(config.register)
        self._clock = clock
        self._stop = stop
        self._news = news
        self._ingest_is_idle = ingest_is_idle
        self._outage = DatabaseOutage(describe(), config.ingest.retry_max_s, is_quiet=True)
        self._sweeper = Sweeper(config.rules, self._sites, clock.utc())
        self._doors = RecentDoors()
        self._retention = DailyRetention(config.retention, config.zone)
        self._next_sweep_s = 0.0
        self._next_timetables_s = 0.0
        self._next_expired_s = 0.0
        self._next_orders_s = 0.0
        self._next_retry_s: float | None = None
        self._failures = 0
        self._attempts = 0

    def run(self) -> None:
        """Work until told to stop."""
        try:
            while not self._stop.is_set():
                began_s = self._clock.monotonic_s()
                has_more = self._turn()
                took_s = self._clock.monotonic_s() - began_s
                if not self._ingest_is_idle.wait(min(_REST * took_s, _REST_MAX_S)):
                    continue
                self._stop.wait(min(took_s, _PAUSE_MAX_S))
                if not has_more:
                    self._news.wait(_POLL_S)
        finally:
            connection.close()

    def _turn(self) -> bool:
        """Do what there is to do; return whether there may be more at once."""
        try:
            with _claimed(self._sites) as is_mine:
                has_more = self.work() if is_mine else False
        except AWAY as exc:
            connection.close()
            self._attempts = 0
            self._clock.sleep(self._outage.failed(exc, self._clock.monotonic_s()), self._stop)
        except (Overtaken, IntegrityError):
            self._failures += 1
            self._clock.sleep(0.05 * self._failures, self._stop)
        except Exception as exc:  # noqa: BLE001 - the top of a thread: marks must go on
            # The text of an error may hold a subject id, which belongs into no log.
            where = "".join(traceback.format_tb(exc.__traceback__))
            _log.error("marks: %s; trying again\n%s", type(exc).__name__, where)
            connection.close()
            self._failures += 1
            self._clock.sleep(min(0.2 * 2**self._failures, 30.0), self._stop)
        else:
            self._outage.succeeded(self._clock.monotonic_s())
            self._failures = 0
            return has_more
        return False

    def work(self) -> bool:
        """Place events, then do what is due; return whether there is more to do at once.

        Raises:
            Overtaken, django.db.IntegrityError: As :meth:`place_new`.
        """
        has_more = self.place_new()
        now_s, now = self._clock.monotonic_s(), self._clock.utc()
        has_more |= derive_stale(self._sites, self._rules, now)
        if self._next_retry_s is None:  # a new version may read more, new settings accept more
            make_due([Reason.UNKNOWN_TYPE, Reason.SIGNATURE], now)
        if now_s >= (self._next_retry_s or 0.0):
            has_due = retry_due(self._sites, now, self._policy)
            self._next_retry_s = now_s if has_due else now_s + _SWEEP_S
            has_more |= has_due
        if now_s >= self._next_sweep_s:
            self._next_sweep_s = now_s + _SWEEP_S
            self._sweeper.sweep(now)
        if now_s >= self._next_timetables_s:
            self._next_timetables_s = now_s + _TIMETABLES_S
            publish_timetables(now, self._sites)
            publish_cards(now, self._sites)
        if now_s >= self._next_expired_s:
            self._next_expired_s = now_s + _EXPIRED_S
            delete_expired(now)
        if now_s >= self._next_orders_s:
            self._next_orders_s = now_s + _ORDERS_S
            publish_orders(now, self._sites)
        return self._retention.turn(now) or has_more

    def place_new(self) -> bool:
        """Place the oldest new events and write the marks; return whether there may be more.

        Raises:
            Overtaken: Something else has written one of the marks.
            django.db.IntegrityError: So has another instance.
        """
        self._news.clear()
        limit = 1 if self._attempts >= _TRIES else _BATCH  # find the one at fault
        self._attempts += 1
        new = load_new(self._sites, self._rules, limit)
        if not new:
            self._attempts = 0
            return False
        if self._attempts > 2 * _TRIES:
            _refuse(new)
            self._attempts = 0
            return True
        now = self._clock.utc()
        facts = load_facts(
            {one.subject_id for one in new},
            spans_around(moments_of(new)),
            self._rules,
            lambda rooms: self._doors.of(rooms, now),
            rooms={one.room for one in new},
        )
        derived = derive_events(new, facts, self._rules, now)
        with transaction.atomic():
            save(derived, facts, now)
        self._attempts = 0
        return len(new) == limit


def _refuse(events: list[Seen]) -> None:
    """Set an event aside that can never be placed, so that the others can."""
    _log.error("an event could not be placed, and is kept aside; see the page of the bin")
    Event.objects.filter(pk__in=[one.key for one in events], placing=NEW).update(placing=REFUSED)


@contextmanager
def _claimed(sites: tuple[str, ...]) -> Iterator[bool]:
    """Spare instances on one PostgreSQL the work that another is doing; ``False`` if one is.

    Correctness does not depend on it.
    """
    if connection.vendor != "postgresql":
        yield True
        return
    keys = [_LOCK, crc32("/".join(sorted(sites)).encode()) - 2**31]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", keys)
        (is_mine,) = cursor.fetchone()
    try:
        yield is_mine
    finally:
        if is_mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", keys)
