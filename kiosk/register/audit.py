"""Append to the audit trail, and tell open pages; both in the order of commits.

PostgreSQL gives out numbers before the commit, so a reader could see number 11, and never number 10
that was committed after it. A lock until the end of the transaction makes the order of the numbers
that of the commits: exports up to a number stay the same, and live updates miss nothing.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db import connection

from kiosk.register.models import Change, MarkChange

_LOCK: Final = 0x6175646974
"""Number of an advisory lock in PostgreSQL: "audit" in ASCII."""


def tell(kind: str, keys: Iterable[str], now: datetime) -> None:
    """Tell open pages what has changed; the last thing in a transaction, which the caller holds."""
    rows = [Change(at=now, kind=kind, key=key) for key in sorted(set(keys))]
    if rows:
        _lock()
        Change.objects.bulk_create(rows)


def append(changes: Iterable[MarkChange]) -> None:
    """Append changes of marks; near the end of a transaction, which the caller holds.

    The rows have their numbers afterwards.
    """
    rows = list(changes)
    if rows:
        _lock()
        MarkChange.objects.bulk_create(rows)


def _lock() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
