"""How commands open the database and print."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec

from kiosk.protocol.topics import KioskAddress
from kiosk.register.database import explained, require_tables
from kiosk.register.text import printable


@contextmanager
def opened() -> Iterator[None]:
    """Check that the database is ready, and report its errors as ours.

    Raises:
        RegisterError: It cannot be read or written, or has no tables yet.
    """
    with explained():
        require_tables()
        yield


def print_json(facts: object) -> None:
    """Print one JSON object on a line, in ASCII: a terminal obeys none of it."""
    print_line(json.dumps(msgspec.to_builtins(facts)))


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows in columns that are as wide as they must be."""
    table = [list(header), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print_line("  ".join(cells).rstrip())


def print_line(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")


def address_text(address: KioskAddress) -> str:
    """Return "site/room/kiosk"."""
    return f"{address.site}/{address.room}/{address.kiosk}"


def utc_now() -> datetime:
    """Return the current time, UTC."""
    return datetime.now(UTC)
