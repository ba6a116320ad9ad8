"""A table as CSV."""

from datetime import date, datetime

from kiosk.register.exports.cells import write_csv
from kiosk.register.exports.table import Table, Value


def table_csv(table: Table) -> bytes:
    """Return a table as CSV in UTF-8, with a byte order mark for Excel."""
    rows = ([_text(value) for value in row] for row in table.rows)
    return write_csv([table.header, *rows], has_bom=True)


def _text(value: Value) -> str | float | None:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else value
