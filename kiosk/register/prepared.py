"""Queries that Django writes as SQL once, and that are asked again with other values.

To write the statement takes longer than the database needs for the answer: these are for what every
live update asks.
"""

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, Field, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from kiosk.register.among import as_parameter


class Given(Expression):
    """A value that is given with each question.

    Args:
        name: Its name.
        field: What kind of value it is.
    """

    def __init__(self, name: str, field: "Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(  # type: ignore[override] # the parameter comes later
        self,
        compiler: SQLCompiler,  # noqa: ARG002 - Django's signature
        connection: BaseDatabaseWrapper,  # noqa: ARG002
    ) -> tuple[str, list[Any]]:
        """Return a placeholder, with itself as its parameter."""
        return "%s", [self]

    def parameter(self, value: Any) -> Any:  # noqa: ANN401 - of any column
        """Return a value as the database takes it."""
        return self.output_field.get_db_prep_value(value, connection)


class GivenMany(Given):
    """Several values, for the lookup ``among``."""

    def parameter(self, value: Any) -> Any:  # noqa: ANN401 - of any column
        """Return the values as the database takes them."""
        return as_parameter(value, connection)


class Prepared:
    """A query that is written once for each kind of database.

    Args:
        write: Returns the query, by ``values_list``, with :class:`Given` where values are missing.
    """

    def __init__(self, write: Callable[[], QuerySet[Any, tuple[Any, ...]]]) -> None:
        self._write = write
        self._written: dict[str, tuple[str, tuple[Any, ...]]] = {}

    def rows(self, **given: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - of any column
        """Return the rows as the database gives them; see :func:`kiosk.register.among.plain`."""
        if connection.vendor not in self._written:
            self._written[connection.vendor] = self._write().query.sql_with_params()
        statement, parameters = self._written[connection.vendor]
        values = [
            one.parameter(given[one.name]) if isinstance(one, Given) else one for one in parameters
        ]
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())
