"""Reading many rows of the database at the rate at which a district's events come in.

The lookup ``among`` is ``in`` with one parameter for all values: Django prepares each value of
``in`` by itself, which takes longer than the query. :func:`plain` leaves out the converters of the
columns. Both are for the few queries of each batch of events.
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, ForeignObject, Lookup, QuerySet
from django.db.models.sql.compiler import SQLCompiler

_IN_ARRAY: Final = "IN (SELECT value FROM json_each(%s))"


@ForeignObject.register_lookup  # which hides those of all fields
@Field.register_lookup
class Among(Lookup):
    """``column__among=values``; the values are texts or whole numbers, of the column's type."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        """Return the condition and its parameters."""
        left, parameters = self.process_lhs(compiler, connection)
        form = _IN_ARRAY if connection.vendor == "sqlite" else "= ANY(%s)"
        is_given = hasattr(self.rhs, "as_sql")  # later: kiosk.register.prepared
        value = self.rhs if is_given else as_parameter(self.rhs, connection)
        return f"{left} {form}", (*parameters, value)


def as_parameter(values: Iterable[Any], connection: BaseDatabaseWrapper) -> Any:  # noqa: ANN401
    """Return the values of the lookup as the one parameter that the database takes."""
    return json.dumps(list(values)) if connection.vendor == "sqlite" else list(values)


def plain(rows: QuerySet[Any, tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the rows of ``values_list`` as the database gives them; see :func:`as_utc`."""
    with connection.cursor() as cursor:
        cursor.execute(*rows.query.sql_with_params())
        return list(cursor.fetchall())


def as_utc(value: datetime | str | None) -> datetime | None:
    """Return a time of :func:`plain`; SQLite has it as text, in UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def writer_of_times() -> Callable[[datetime | None], Any]:
    """Return what turns times into parameters of a statement."""
    if connection.vendor == "sqlite":
        return lambda value: value and str(value.astimezone(UTC).replace(tzinfo=None))
    return lambda value: value
