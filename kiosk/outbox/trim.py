"""Which events leave the outbox, a few at a time, so that recording never waits for long.

1. What the register has confirmed.
2. Where no register ever confirmed anything: what was delivered long ago.
3. Beyond the bound: the oldest delivered events; when there are none, the oldest undelivered ones,
   which are counted and logged.
"""

import sqlite3
from dataclasses import dataclass
from typing import Final

from kiosk.outbox.rows import Retention
from kiosk.outbox.space import RESERVED_PAGES

_EVENTS_PER_STEP: Final = 200
_PAGES_PER_STEP: Final = 64


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What one step has done.

    Attributes:
        deleted: How many events were deleted.
        dropped: How many of them were undelivered and unconfirmed.
        has_more: Whether another step has something to do.
    """

    deleted: int
    dropped: int
    has_more: bool


def trim(connection: sqlite3.Connection, retention: Retention, now_s: int) -> Trimmed:
    """Delete some of the events that may go; within a transaction.

    Args:
        connection: To the outbox file.
        retention: How long events are kept.
        now_s: Unix time; 0 while the clock is not synchronised: then nothing goes by its age.
    """
    register_id, confirmed, kept, undelivered = connection.execute(
        "SELECT register_id, confirmed, kept, undelivered FROM state"
    ).fetchone()
    gone = _delete(connection, "sequence <= ? ORDER BY sequence", confirmed)
    if register_id is None and now_s:
        _date_deliveries(connection, now_s)
        oldest_s = now_s - round(retention.unconfirmed.total_seconds())
        gone += _delete(connection, "delivered_s < ? ORDER BY delivered_s", max(1, oldest_s))
    excess = min(_EVENTS_PER_STEP, max(0, kept - gone - retention.events_max))
    dropped = 0
    if excess and not gone:
        if kept > undelivered:
            gone = _delete(connection, "delivered_s >= ? ORDER BY delivered_s", 0, limit=excess)
        else:
            gone = dropped = _delete(connection, "sequence > ? ORDER BY sequence", 0, limit=excess)
            connection.execute("UPDATE state SET dropped = dropped + ?", (dropped,))
    return Trimmed(gone, dropped, has_more=gone > 0)


def shrink(connection: sqlite3.Connection) -> bool:
    """Give some free pages back to the file system; return whether there are more.

    Outside of a transaction: it is one of its own.
    """
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    surplus = min(_PAGES_PER_STEP, free - RESERVED_PAGES)
    if surplus <= 0:
        return False
    # Each step of this statement frees one page, and ``execute`` makes one step.
    connection.executescript(f"PRAGMA incremental_vacuum({surplus})")
    return bool(free - surplus > RESERVED_PAGES)


def _date_deliveries(connection: sqlite3.Connection, now_s: int) -> None:
    """Date events that were delivered before the clock was synchronised: they age from now on."""
    connection.execute(
        "UPDATE events SET delivered_s = ? WHERE sequence IN "
        "(SELECT sequence FROM events WHERE delivered_s = 0 LIMIT ?)",
        (now_s, _EVENTS_PER_STEP),
    )


def _delete(
    connection: sqlite3.Connection, which: str, value: int, *, limit: int = _EVENTS_PER_STEP
) -> int:
    """Delete at most ``limit`` events; return how many there were."""
    return connection.execute(
        f"DELETE FROM events WHERE sequence IN (SELECT sequence FROM events WHERE {which} LIMIT ?)",  # noqa: S608 - ``which`` is written above
        (value, limit),
    ).rowcount
