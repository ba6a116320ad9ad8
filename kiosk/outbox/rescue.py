"""Copy what can be read of an outbox to a new file, row by row.

For a file that is damaged, and for one that was deleted or moved while the kiosk had it open: its
rows can be read until the kiosk ends.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kiosk.files.atomic_file import create_for_owner_of
from kiosk.outbox.last import last_sequence, set_last_sequence
from kiosk.outbox.open import prepare
from kiosk.outbox.space import Space

_PAGE: Final = 100
_COLUMNS: Final = "sequence, event_id, topic, payload, delivered_s, checksum"
_OLD_KEYS: Final = "event_type, session_date, session_name, boot_id, subject_id"
_KEYS: Final = f"{_OLD_KEYS}, event_id, monotonic_s, time_s, is_dated, part"
_OF_OLD_KEYS: Final = f"SELECT {_OLD_KEYS}, '', NULL, 0, boot_id = '', 0 FROM stored_once"  # noqa: S608


def rescue(source: sqlite3.Connection, target: Path, outbox_id: str, last: int) -> int:
    """Copy events and deduplication keys; return how many events there are in the new file.

    Args:
        source: The connection to the old file.
        target: The new file, which must not exist.
        outbox_id: The id of both.
        last: The number of the newest event, as far as it is known.

    Raises:
        sqlite3.Error: The new file cannot be written.
    """
    source.text_factory = bytes  # a damaged text may not be UTF-8; no later read minds
    last = max(last, _last_sequence(source))
    register_id, confirmed = _confirmed(source)
    create_for_owner_of(target.parent, target)
    new = sqlite3.connect(target, isolation_level=None)
    with contextlib.closing(new):
        prepare(new, target, Space(target))
        with new:
            new.execute("BEGIN IMMEDIATE")
            new.executemany(
                f"INSERT OR IGNORE INTO events ({_COLUMNS}) "  # noqa: S608 - written above
                "VALUES (?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?)",
                _events(source, confirmed, last),
            )
            new.executemany(
                f"INSERT OR IGNORE INTO stored_once ({_KEYS}) "  # noqa: S608 - written above
                f"VALUES ({', '.join(['CAST(? AS TEXT)'] * 6)}, ?, ?, ?, ?)",
                _keys(source),
            )
            set_last_sequence(new, last)
            new.execute(
                "UPDATE state SET outbox_id = ?, register_id = CAST(? AS TEXT), confirmed = ?",
                (outbox_id, register_id, confirmed),
            )
            (count,) = new.execute("SELECT kept FROM state").fetchone()
    return int(count)


def _confirmed(source: sqlite3.Connection) -> tuple[bytes | None, int]:
    """Return which register confirmed last, and up to which number."""
    with contextlib.suppress(sqlite3.DatabaseError):
        row = source.execute("SELECT register_id, confirmed FROM state").fetchone()
        if row is not None and isinstance(row[1], int):
            return row[0], row[1]
    return None, 0


def _last_sequence(source: sqlite3.Connection) -> int:
    try:
        return last_sequence(source)
    except sqlite3.DatabaseError:
        return 0


def _events(
    source: sqlite3.Connection, after: int, last: int
) -> Iterator[tuple[int | bytes | None, ...]]:
    """Yield the events that can be read, page by page, and one by one where a page is damaged."""
    while after < last:
        query = f"SELECT {_COLUMNS} FROM events WHERE sequence > ? ORDER BY sequence LIMIT {_PAGE}"  # noqa: S608
        try:
            page = source.execute(query, (after,)).fetchall()
        except sqlite3.DatabaseError:
            page = list(_singly(source, after + 1, min(last, after + _PAGE)))
            after += _PAGE
        else:
            after = page[-1][0] if page else last
        yield from page


def _singly(
    source: sqlite3.Connection, first: int, last: int
) -> Iterator[tuple[int | bytes | None, ...]]:
    for sequence in range(first, last + 1):
        with contextlib.suppress(sqlite3.DatabaseError):
            query = f"SELECT {_COLUMNS} FROM events WHERE sequence = ?"  # noqa: S608
            yield from source.execute(query, (sequence,)).fetchall()


def _keys(source: sqlite3.Connection) -> Iterator[tuple[object, ...]]:
    """Yield the deduplication keys up to the first damage."""
    with contextlib.suppress(sqlite3.DatabaseError):
        names = {row[1] for row in source.execute("PRAGMA table_info(stored_once)")}
        query = f"SELECT {_KEYS} FROM stored_once" if b"event_id" in names else _OF_OLD_KEYS  # noqa: S608
        yield from source.execute(query)


def set_aside(path: Path, mark: str) -> Path | None:
    """Rename a database with its log; return its new name, ``None`` where there is no database."""
    name = f"{path.name}-aside-{mark}"
    moved = None
    for end in ("", "-wal"):
        old, new = path.with_name(path.name + end), path.with_name(name + end)
        if old.exists():
            old.replace(new)
            moved = moved or (new if not end else None)
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    return moved


def remove_database(path: Path) -> None:
    """Delete what an earlier rescue may have left."""
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
