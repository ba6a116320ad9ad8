"""Opening the outbox file: settings, migration, and a write that proves that it can be written."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Final

from kiosk.outbox.schema import SCHEMA_VERSION, create_or_migrate, read_version
from kiosk.outbox.space import LOG_PAGES, PAGE_BYTES, RESERVED_PAGES, Space, reserve

_INCREMENTAL: Final = 2


def prepare(connection: sqlite3.Connection, path: Path, space: Space) -> str:
    """Check whose file this is, create or migrate its tables, and return the outbox id.

    There is no check of the whole file, which would take 40 s at a million events; the first and
    the last event are read, and half a megabyte is written and committed.

    Raises:
        OutboxError: The file is another program's, or of a newer kiosk.
        sqlite3.Error: The file cannot be used.
    """
    version = read_version(connection, path)
    if version == 0:
        connection.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}").fetchone()
    log_bytes = (RESERVED_PAGES + LOG_PAGES) * PAGE_BYTES
    connection.execute(f"PRAGMA journal_size_limit = {log_bytes}").fetchone()
    # Deleted rows are overwritten, not just unlinked.
    connection.execute("PRAGMA secure_delete = ON").fetchone()
    if version != SCHEMA_VERSION:
        create_or_migrate(connection)
        cut_log(connection)
    _let_it_shrink(connection)
    # Two statements: one with both would read the whole table.
    connection.execute("SELECT min(sequence) FROM events").fetchone()
    connection.execute("SELECT max(sequence) FROM events").fetchone()
    reserve(connection, may_grow=space.limit(connection))
    (outbox_id,) = connection.execute("SELECT outbox_id FROM state").fetchone()
    return str(outbox_id)


def cut_log(connection: sqlite3.Connection) -> bool:
    """Empty the write-ahead log, which still holds the rows that were erased or migrated.

    Returns:
        Whether it is empty; another process that reads, such as a backup, keeps it.
    """
    (is_busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not is_busy


def _let_it_shrink(connection: sqlite3.Connection) -> None:
    """Convert a file from before schema 3, which could only grow.

    It needs space for a copy of the file. Without it, or while another process uses the file, the
    next start tries again.
    """
    (mode,) = connection.execute("PRAGMA auto_vacuum").fetchone()
    if mode == _INCREMENTAL:
        return
    with contextlib.suppress(sqlite3.OperationalError):
        connection.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
        connection.execute("VACUUM")
        cut_log(connection)
