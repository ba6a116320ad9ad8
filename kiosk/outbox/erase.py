"""Erase one person from the outbox, and from what lies beside it; within a transaction.

An event names its person as JSON, ``"subject_id":"s-1"``; a deduplication key has the id alone.
"""

import mmap
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from kiosk.decoder import decoder_of

_KEY_TYPES: Final = ("attendance", "participation")
"""What stands before the id in a deduplication key of a file that SQLite can no longer read."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What an outbox had of a person.

    Attributes:
        keys: Deduplication keys, erased.
        set_aside: Damaged events, erased.
        events: Events, erased.
        events_kept: Events that are kept until the register has confirmed them.
        is_in_log: The write-ahead log could not be emptied, because another process reads: what was
            erased is still in it.
    """

    keys: int = 0
    set_aside: int = 0
    events: int = 0
    events_kept: int = 0
    is_in_log: bool = False

    def __bool__(self) -> bool:
        """Whether there was anything."""
        return bool(self.keys or self.set_aside or self.events or self.events_kept)


def forget(connection: sqlite3.Connection, subject_id: str, *, events: bool) -> Forgotten:
    """Erase a person, their events only with ``events``."""
    gone = connection.execute("DELETE FROM stored_once WHERE subject_id = ?", (subject_id,))
    keys = gone.rowcount
    aside = connection.execute(
        "DELETE FROM set_aside WHERE instr(CAST(payload AS BLOB), ?)", (_quoted(subject_id),)
    ).rowcount
    sequences = [(one,) for one in _events_of(connection, subject_id)]
    if not events:
        return Forgotten(keys, aside, 0, len(sequences))
    connection.executemany("DELETE FROM events WHERE sequence = ?", sequences)
    return Forgotten(keys, aside, len(sequences))


def overwrite_in(path: Path, subject_id: str) -> int:
    """Overwrite an id wherever it stands in a database that cannot be used any more.

    Byte by byte, because SQLite cannot be trusted to find its rows. The log of such a database
    is no longer valid afterwards; what could be read of it was copied when it was set aside. The
    key of a person whose id begins with this one may be overwritten, too: it serves nothing there.

    Returns:
        In how many places the id stood.

    Raises:
        OSError: The file cannot be written.
    """
    if not path.stat().st_size:
        return 0
    count = 0
    wanted = subject_id.encode()
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        for before, found in _places(subject_id):
            at = content.find(found)
            while at >= 0:
                start = at + len(before)
                content[start : start + len(wanted)] = b"x" * len(wanted)
                count += 1
                at = content.find(found, at + len(found))
        content.flush()
    return count


def databases_aside(path: Path) -> list[Path]:
    """Return the files of outboxes that were set aside."""
    return sorted(path.parent.glob(f"{path.name}-aside-*"))


def unfinished(path: Path) -> list[Path]:
    """Return the files of an outbox that a kiosk is making in place of a damaged one, or was."""
    return sorted(path.parent.glob(f"{path.name}-new*"))


def _places(subject_id: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield what stands before the id, and that together with the id (and a quotation mark)."""
    yield b'"', _quoted(subject_id)
    for kind in _KEY_TYPES:
        yield kind.encode(), kind.encode() + subject_id.encode()


def _quoted(subject_id: str) -> bytes:
    return msgspec.json.encode(subject_id)


class _Event(msgspec.Struct):
    subject_id: str


def _events_of(connection: sqlite3.Connection, subject_id: str) -> list[int]:
    rows = connection.execute(
        "SELECT sequence, payload FROM events WHERE instr(CAST(payload AS BLOB), ?)",
        (_quoted(subject_id),),
    )
    return [sequence for sequence, payload in rows if _is_of(payload, subject_id)]


def _is_of(payload: object, subject_id: str) -> bool:
    """Return whether an event is of a person; true if it is damaged and has the id anywhere."""
    if not isinstance(payload, bytes):
        return True
    try:
        return decoder_of(_Event).decode(payload).subject_id == subject_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return True
