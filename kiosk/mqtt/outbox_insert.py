"""Insert events and deduplication keys into the outbox; within a transaction of the caller."""

import sqlite3

from kiosk.mqtt.outbox_last import last_sequence
from kiosk.mqtt.outbox_rows import Build, DeduplicationKey, checksum


def insert_event(connection: sqlite3.Connection, build: Build) -> int:
    """Build an event with the next sequence number, insert it and return the number."""
    sequence = last_sequence(connection) + 1
    event_id, topic, payload = build(sequence)
    digest = checksum(sequence, event_id.encode(), topic.encode(), payload)
    connection.execute(
        "INSERT INTO events (sequence, event_id, topic, payload, checksum) VALUES (?, ?, ?, ?, ?)",
        (sequence, event_id, topic, payload, digest),
    )
    return sequence


def insert_key(connection: sqlite3.Connection, key: DeduplicationKey) -> bool:
    """Insert a deduplication key; return whether it is new."""
    added = connection.execute(
        "INSERT INTO stored_once (event_type, session_date, session_name, boot_id, subject_id) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        key.columns,
    )
    return bool(added.rowcount)
