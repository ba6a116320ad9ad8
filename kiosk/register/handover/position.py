"""Where a file stands: all that was stored up to here is in it, and nothing after."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Max, QuerySet

from kiosk.register.models import MarkChange, ParticipationPoint

_FORM: Final = re.compile(r"(\d{1,18})-(\d{1,18})-(\d{8}T\d{6}Z)", re.ASCII)
_TIME: Final = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Position:
    """A position, written as in ``1234-56-20261125T090012Z``.

    Attributes:
        changes: The newest change of a mark: the audit position.
        points: The newest point for participation.
        at: The time, UTC, whole seconds: lessons that begin later are not in the file.
    """

    changes: int
    points: int
    at: datetime

    def __str__(self) -> str:
        """Return it as it stands in a file and in its name."""
        return f"{self.changes}-{self.points}-{self.at:{_TIME}}"

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Read a position.

        Raises:
            ValueError: It is none.
        """
        expected = "expected a position as a file has it, such as 1234-56-20261125T090012Z"
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(f"{text[:40]!r}, {expected}")
        try:
            at = datetime.strptime(found[3], _TIME).replace(tzinfo=UTC)
        except ValueError as exc:
            raise ValueError(f"{text!r}, {expected}") from exc
        return cls(int(found[1]), int(found[2]), at)


def position_now(now: datetime) -> Position:
    """Return the position of now, to which nothing can be added any more."""
    at = now.astimezone(UTC).replace(microsecond=0)
    return Position(
        newest(MarkChange.objects.all(), "register_markchange"),
        newest(ParticipationPoint.objects.all(), "register_participationpoint"),
        at,
    )


def position_of(text: str, now: datetime) -> Position:
    """Return the position that a text names, or that of now for an empty text.

    Raises:
        ValueError: It is no position, or one that this register has not reached.
    """
    current = position_now(now)
    if not text:
        return current
    found = Position.parse(text)
    if found.changes > current.changes or found.points > current.points or found.at > current.at:
        raise ValueError(f"{text!r} is after the newest position of this register, {current}")
    return found


def newest(rows: QuerySet[Any], table: str) -> int:
    """Return the largest id of a table, below which no row can appear any more; 0 without rows.

    PostgreSQL gives out ids before the commit: wait until nobody is writing.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
        return rows.aggregate(newest=Max("pk"))["newest"] or 0
