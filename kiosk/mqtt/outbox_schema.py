"""The tables of the outbox file, schema 2, and the migration from schema 1.

Schema 1 had no outbox id, and one table ``attended (session, subject_id)``, in which ``session``
was a string: ``2026-11-24/maths-7b``, or ``2026-11-24/maths-7b/<boot>`` for one boot alone.
"""

import sqlite3
import uuid
from pathlib import Path
from typing import Final

import msgspec

from kiosk.errors import OutboxError
from kiosk.mqtt.outbox_errors import DAMAGED

APPLICATION_ID: Final = 0x4B494F53
"""Marks the file as ours in its header ("KIOS")."""
SCHEMA_VERSION: Final = 2
_EVENTS: Final = """
    CREATE TABLE events (
        -- AUTOINCREMENT: a sequence number is never used twice, even when all rows have gone.
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        event_id TEXT NOT NULL UNIQUE,
        topic TEXT NOT NULL,
        payload BLOB NOT NULL
    )
"""
_STORED_ONCE: Final = """
    CREATE TABLE stored_once (
        event_type TEXT NOT NULL,
        session_date TEXT NOT NULL,
        session_name TEXT NOT NULL,
        boot_id TEXT NOT NULL,  -- empty: for every boot
        subject_id TEXT NOT NULL,
        PRIMARY KEY (session_date, session_name, boot_id, event_type, subject_id)
    ) WITHOUT ROWID
"""
_IDENTITY: Final = "CREATE TABLE identity (outbox_id TEXT NOT NULL)"
_SPLIT_KEYS: Final = """
    WITH dated AS (
        SELECT subject_id, substr(session, 1, 10) AS date, substr(session, 12) || '/' AS rest
        FROM attended
    )
    INSERT INTO stored_once (event_type, session_date, session_name, boot_id, subject_id)
    SELECT 'attendance', date, substr(rest, 1, instr(rest, '/') - 1),
           rtrim(substr(rest, instr(rest, '/') + 1), '/'), subject_id
    FROM dated
"""


def prepare(connection: sqlite3.Connection, path: Path) -> str:
    """Check whose file this is, create or migrate its tables, and return the outbox id.

    Raises:
        OutboxError: The file is damaged, another program's, or of a newer kiosk.
        sqlite3.Error: The file cannot be used.
    """
    version = _check_header(connection, path)
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    # Erased and acknowledged rows are overwritten, not just unlinked.
    connection.execute("PRAGMA secure_delete = ON").fetchone()
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise OutboxError(f"{path}: {DAMAGED} ({verdict})")
    if version != SCHEMA_VERSION:
        # One transaction: a process that is killed in it leaves the file as it was.
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            _create_or_migrate(connection)
        cut_log(connection)
    (outbox_id,) = connection.execute("SELECT outbox_id FROM identity").fetchone()
    return str(outbox_id)


def cut_log(connection: sqlite3.Connection) -> None:
    """Empty the write-ahead log, which still holds the rows that were erased or migrated."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _check_header(connection: sqlite3.Connection, path: Path) -> int:
    """Return the schema version, 0 for an empty file; write nothing to another's file."""
    # One statement: another process may be creating or migrating the tables.
    owner, version, tables = connection.execute(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master) "
        "FROM pragma_application_id, pragma_user_version"
    ).fetchone()
    if (owner, version, tables) == (0, 0, 0):
        return 0
    if owner != APPLICATION_ID:
        message = f"{path}: another program's database, expected a kiosk's outbox"
        raise OutboxError(f"{message}; move it aside or set another state.directory")
    if not 1 <= version <= SCHEMA_VERSION:
        message = f"{path}: schema version is {version}, expected {SCHEMA_VERSION}"
        raise OutboxError(f"{message}; a newer kiosk made it: install that version again")
    return int(version)


def _create_or_migrate(connection: sqlite3.Connection) -> None:
    """Create the tables of an empty file, or migrate those of schema 1."""
    # Read within the transaction: another process may have been faster.
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == SCHEMA_VERSION:
        return
    outbox_id = str(uuid.uuid4())
    if version == 0:
        connection.execute(_EVENTS)
    connection.execute(_STORED_ONCE)
    connection.execute(_IDENTITY)
    connection.execute("INSERT INTO identity VALUES (?)", (outbox_id,))
    if version == 1:
        _migrate_rows(connection, outbox_id)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _migrate_rows(connection: sqlite3.Connection, outbox_id: str) -> None:
    """Split the deduplication keys, and add the outbox id to the pending events."""
    connection.execute(_SPLIT_KEYS)
    connection.execute("DROP TABLE attended")
    encoded = msgspec.Raw(msgspec.json.encode(outbox_id))
    connection.create_function("with_outbox_id", 1, lambda row: _with_outbox_id(row, encoded))
    connection.execute("UPDATE events SET payload = with_outbox_id(payload)")


def _with_outbox_id(payload: bytes, outbox_id: msgspec.Raw) -> bytes:
    """Add the outbox id to an event; return a payload that is not a JSON object unchanged.

    Raw values keep every other field byte for byte.
    """
    try:
        fields = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return payload
    return msgspec.json.encode(fields | {"outbox_id": outbox_id})
