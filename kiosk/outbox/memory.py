"""Insert events, and remember who was recorded; within a transaction of the caller."""

import contextlib
import sqlite3
from datetime import date
from typing import Any, Final

from kiosk.config.timetable import ClassSession
from kiosk.outbox.last import last_sequence
from kiosk.outbox.rows import (
    RAW,
    Build,
    Dating,
    DeduplicationKey,
    RawRow,
    checksum,
    problem_of,
)

_COLUMNS: Final = (
    "event_type, session_date, session_name, subject_id, boot_id, event_id, monotonic_s, time_s, "
    "is_dated, part"
)


def insert_event(connection: sqlite3.Connection, build: Build, *, is_dated: bool = True) -> int:
    """Build an event with the next sequence number, insert it and return the number.

    Args:
        connection: To the outbox file.
        build: Makes the event.
        is_dated: Its time is certain; that of others may be changed until they are sent.
    """
    sequence = last_sequence(connection) + 1
    event_id, topic, payload = build(sequence)
    digest = checksum(sequence, event_id.encode(), topic.encode(), payload)
    connection.execute(
        "INSERT INTO events (sequence, event_id, topic, payload, checksum, may_change) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (sequence, event_id, topic, payload, digest, not is_dated),
    )
    return sequence


def remembered(
    connection: sqlite3.Connection, event_type: str, subject_id: str
) -> list[DeduplicationKey]:
    """Return what is remembered of one person's events of a type."""
    return _select(connection, "event_type = ? AND subject_id = ?", event_type, subject_id)


def remember(connection: sqlite3.Connection, key: DeduplicationKey) -> None:
    """Insert a key."""
    session = (key.session.date.isoformat(), key.session.name)
    place = (key.subject_id, key.boot_id, key.event_id)
    connection.execute(
        f"INSERT OR REPLACE INTO stored_once ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - written above
        (key.event_type, *session, *place, key.monotonic_s, key.time_s, key.is_dated, key.window),
    )


def newest_dated(connection: sqlite3.Connection, boot_id: str) -> tuple[float | None, float | None]:
    """Return what is known of the time from before a process started.

    Returns:
        Two times in seconds, each ``None`` without a dated event: the offset of the time of day
        from the monotonic clock at the newest one of this boot, and the Unix time of the newest one
        of all other boots.
    """
    here = connection.execute(
        "SELECT time_s - monotonic_s FROM stored_once WHERE boot_id = ? AND is_dated "
        "ORDER BY monotonic_s DESC LIMIT 1",
        (boot_id,),
    ).fetchone()
    (there,) = connection.execute(
        "SELECT max(time_s) FROM stored_once WHERE boot_id NOT IN (?, '') AND is_dated", (boot_id,)
    ).fetchone()
    return (here[0] if here else None), there


def prune(
    connection: sqlite3.Connection, boot_id: str, monotonic_s: float, days: tuple[date, date] | None
) -> int:
    """Delete old keys; return how many there were.

    Args:
        connection: To the outbox file.
        boot_id: This boot, whose keys go by the monotonic clock alone.
        monotonic_s: Keys of this boot from before this time go.
        days: Dated keys of other boots stay if they are of these days, both included; ``None``
            keeps all. Undated ones go: a class session of theirs says nothing in this boot.
    """
    first, last = (day.isoformat() for day in days or (date.min, date.max))
    return connection.execute(
        "DELETE FROM stored_once WHERE (boot_id = ? AND monotonic_s < ?) OR (boot_id != ? AND "
        "(NOT is_dated OR session_date < ? OR session_date > ?))",
        (boot_id, monotonic_s, boot_id, first, last),
    ).rowcount


def date_events(
    connection: sqlite3.Connection, boot_id: str, dating: Dating, sent: set[int], limit: int
) -> tuple[int, int]:
    """Give events of this boot the right time, now that it is certain.

    An event that was never read to be sent is changed, and keeps its id and number. For any other,
    a correction is stored.

    Args:
        connection: To the outbox file.
        boot_id: This boot.
        dating: Makes what is stored.
        sent: Numbers of events that were read to be sent, which the file could not note.
        limit: At most so many events.

    Returns:
        How many were dated, and how many corrections were stored.
    """
    which = "boot_id = ? AND NOT is_dated AND monotonic_s IS NOT NULL ORDER BY monotonic_s LIMIT ?"
    keys = _select(connection, which, boot_id, limit)
    corrections = 0
    for key in keys:
        if not _restamp(connection, key, dating, sent):
            insert_event(connection, dating.correction(key))
            corrections += 1
        connection.execute("DELETE FROM stored_once WHERE event_id = ?", (key.event_id,))
        remember(connection, dating.dated(key))
    return len(keys), corrections


def _restamp(
    connection: sqlite3.Connection, key: DeduplicationKey, dating: Dating, sent: set[int]
) -> bool:
    """Change an event that may still be changed; return whether it needs no correction.

    A damaged one stays as it is, for a new checksum would hide the damage; it is set aside when it
    is read.
    """
    raw: RawRow | None = connection.execute(
        f"SELECT {RAW} FROM events WHERE event_id = ? AND may_change",  # noqa: S608 - written above
        (key.event_id,),
    ).fetchone()
    if raw is None or raw[0] in sent:
        return False
    if problem_of(raw) is not None:
        return True
    sequence, event_id, topic, before, _ = raw
    payload = dating.restamped(key, before)
    digest = checksum(sequence, event_id, topic, payload)
    connection.execute(
        "UPDATE events SET payload = ?, checksum = ?, may_change = 0 WHERE sequence = ?",
        (payload, digest, sequence),
    )
    return True


def _select(connection: sqlite3.Connection, which: str, *values: object) -> list[DeduplicationKey]:
    """Read keys; a damaged one is left out: better a second event than none."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM stored_once WHERE {which}", values)  # noqa: S608 - of ours
    keys = []
    for row in rows:
        with contextlib.suppress(ValueError, TypeError):  # of its date
            keys.append(_key(*row))
    return keys


def _key(
    event_type: str,
    day: str,
    name: str,
    subject_id: str,
    boot_id: str,
    event_id: str,
    *rest: Any,  # noqa: ANN401 - as SQLite has them
) -> DeduplicationKey:
    monotonic_s, time_s, is_dated, part = rest
    return DeduplicationKey(
        event_type=event_type,
        session=ClassSession(date.fromisoformat(day), name),
        subject_id=subject_id,
        boot_id=boot_id,
        event_id=event_id,
        monotonic_s=monotonic_s,
        time_s=time_s,
        is_dated=bool(is_dated),
        window=part,
    )
