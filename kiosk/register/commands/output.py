"""How commands open the database and print."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from kiosk.errors import PayloadError
from kiosk.printable import json_text, printable
from kiosk.protocol.payload import decode_payload
from kiosk.protocol.topics import KioskAddress
from kiosk.register.database import explained, require_tables

WAITING: Final = (
    "{} waiting for it: the running register tries them again, or `kiosk register bin --retry` now"
)


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
    """Print one JSON object on a line."""
    print_line(json_text(facts))


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


def shown_payload(payload: bytes) -> object:
    """Return a payload for JSON: decoded, or as text where it is no JSON or nested deeply."""
    try:
        return decode_payload(payload, Any, "JSON")
    except PayloadError:
        return payload.decode("utf-8", "backslashreplace")


def address_text(address: KioskAddress) -> str:
    """Return "site/room/kiosk"."""
    return f"{address.site}/{address.room}/{address.kiosk}"


def utc_now() -> datetime:
    """Return the current time, UTC."""
    return datetime.now(UTC)
