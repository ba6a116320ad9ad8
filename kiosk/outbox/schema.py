"""The tables of the outbox file, schema 4, and the migrations from schemas 1 to 3.

Schema 3 remembered of an event no more than its class session, and events did not change.
Schema 2 had no ``delivered_s`` (an event was deleted at its PUBACK), no checksums and no counters.
Schema 1 also had no outbox id, and one table ``attended (session, subject_id)``, in which
``session`` was a string: ``2026-11-24/maths-7b``, or ``2026-11-24/maths-7b/<boot>`` for one boot
alone.
"""

import sqlite3
import uuid
from pathlib import Path
from typing import Final

import msgspec

from kiosk.decoder import decoder_of
from kiosk.errors import OutboxError
from kiosk.outbox.rows import checksum

APPLICATION_ID: Final = 0x4B494F53
"""Marks the file as ours in its header ("KIOS")."""
SCHEMA_VERSION: Final = 4
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
_SCHEMA_3: Final = (
    # PUBACK, Unix seconds; 0: the clock was not synchronised then; NULL: not delivered.
    "ALTER TABLE events ADD COLUMN delivered_s INTEGER",
    "ALTER TABLE events ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX undelivered ON events (sequence) WHERE delivered_s IS NULL",
    "CREATE INDEX delivered ON events (delivered_s) WHERE delivered_s IS NOT NULL",
    # No types: a damaged value stays as it is.
    "CREATE TABLE set_aside (sequence INTEGER, event_id, topic, payload, reason TEXT NOT NULL)",
    """
    CREATE TABLE state (  -- one row
        outbox_id TEXT NOT NULL,
        register_id TEXT,  -- the register that confirmed last; NULL: none ever has
        confirmed INTEGER NOT NULL DEFAULT 0,
        kept INTEGER NOT NULL DEFAULT 0,
        undelivered INTEGER NOT NULL DEFAULT 0,
        dropped INTEGER NOT NULL DEFAULT 0,
        starts INTEGER NOT NULL DEFAULT 0
    )
    """,
)
_COUNTERS: Final = (
    # Counting a million rows takes seconds.
    """
    CREATE TRIGGER count_stored AFTER INSERT ON events BEGIN
        UPDATE state SET kept = kept + 1, undelivered = undelivered + (new.delivered_s IS NULL);
    END
    """,
    """
    CREATE TRIGGER count_deleted AFTER DELETE ON events BEGIN
        UPDATE state SET kept = kept - 1, undelivered = undelivered - (old.delivered_s IS NULL);
    END
    """,
    """
    CREATE TRIGGER count_delivered AFTER UPDATE OF delivered_s ON events BEGIN
        UPDATE state SET undelivered =
            undelivered + (new.delivered_s IS NULL) - (old.delivered_s IS NULL);
    END
    """,
)
_SCHEMA_4: Final = (
    # The event's time is not certain, and nobody has read the event to send it.
    "ALTER TABLE events ADD COLUMN may_change INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE stored_once RENAME TO old_keys",
    """
    CREATE TABLE stored_once (
        event_type TEXT NOT NULL,
        subject_id TEXT NOT NULL,  -- after the type: an erasure looks for the two as bytes
        session_date TEXT NOT NULL,
        session_name TEXT NOT NULL,
        boot_id TEXT NOT NULL,  -- empty: unknown, before schema 4
        event_id TEXT NOT NULL,  -- empty: unknown, before schema 4
        monotonic_s REAL,  -- NULL: unknown, before schema 4
        time_s REAL NOT NULL,
        is_dated INTEGER NOT NULL,
        part INTEGER NOT NULL,  -- the participation window; 0: none
        PRIMARY KEY (event_type, subject_id, session_date, session_name, boot_id, event_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX undated ON stored_once (boot_id, monotonic_s) WHERE NOT is_dated",
    """
    INSERT INTO stored_once
    SELECT event_type, subject_id, session_date, session_name, boot_id, '', NULL, 0, boot_id = '', 0
    FROM old_keys
    """,
    "DROP TABLE old_keys",
)
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


def read_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the schema version, 0 for an empty file; write nothing to another's file.

    Raises:
        OutboxError: The file is another program's, or of a newer kiosk.
    """
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


def create_or_migrate(connection: sqlite3.Connection) -> None:
    """Create the tables of an empty file, or migrate those of an earlier schema.

    One transaction: a process that is killed in it leaves the file as it was.
    """
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        # Read within the transaction: another process may have been faster.
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == SCHEMA_VERSION:
            return
        outbox_id = str(uuid.uuid4())
        if version < 2:
            _make_schema_2(connection, outbox_id, is_new=version == 0)
        elif version == 2:
            (outbox_id,) = connection.execute("SELECT outbox_id FROM identity").fetchone()
            connection.execute("DROP TABLE identity")
        if version < 3:
            _make_schema_3(connection, outbox_id)
        for statement in _SCHEMA_4:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _make_schema_2(connection: sqlite3.Connection, outbox_id: str, *, is_new: bool) -> None:
    """Create the tables, or split the keys of schema 1 and add the outbox id to its events."""
    connection.execute(_STORED_ONCE)
    if is_new:
        connection.execute(_EVENTS)
        return
    connection.execute(_SPLIT_KEYS)
    connection.execute("DROP TABLE attended")
    encoded = msgspec.Raw(msgspec.json.encode(outbox_id))
    connection.create_function("with_outbox_id", 1, lambda row: _with_outbox_id(row, encoded))
    connection.execute("UPDATE events SET payload = with_outbox_id(CAST(payload AS BLOB))")


def _make_schema_3(connection: sqlite3.Connection, outbox_id: str) -> None:
    """Add what schema 3 has more; count the events and compute their checksums."""
    for statement in _SCHEMA_3:
        connection.execute(statement)
    connection.create_function("checksum", 4, checksum, deterministic=True)
    # Cast, because a damaged text may not be UTF-8.
    connection.execute(
        "UPDATE events SET checksum = checksum(sequence, CAST(event_id AS BLOB), "
        "CAST(topic AS BLOB), CAST(payload AS BLOB))"
    )
    connection.execute(
        "INSERT INTO state (outbox_id, kept, undelivered) SELECT ?, count(*), count(*) FROM events",
        (outbox_id,),
    )
    for trigger in _COUNTERS:
        connection.execute(trigger)


def _with_outbox_id(payload: bytes, outbox_id: msgspec.Raw) -> bytes:
    """Add the outbox id to an event; return a payload that is not a JSON object unchanged.

    Raw values keep every other field byte for byte.
    """
    try:
        fields = decoder_of(dict[str, msgspec.Raw]).decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return payload
    return msgspec.json.encode(fields | {"outbox_id": outbox_id})
