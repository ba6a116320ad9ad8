"""Tables as a workbook of Excel, the same bytes whenever it is made."""

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from kiosk.register.exports.records import Stamp
from kiosk.register.exports.table import Table, Value

_CREATED: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""In place of the time of writing, which would make each file another one."""
_ROWS_MAX: Final = 1_048_575
"""Rows of a sheet of Excel below the header."""


def tables_xlsx(tables: Sequence[Table], stamp: Stamp) -> bytes:
    """Return tables as sheets, and a last sheet that says where the file stands.

    Every text is written as a text: Excel runs nothing of it.

    Raises:
        ValueError: A table has more rows than a sheet; export a shorter time.
    """
    stream = io.BytesIO()
    workbook = Workbook(stream, {"in_memory": True})
    workbook.set_properties({"title": stamp.scope, "created": _CREATED})
    bold = workbook.add_format({"bold": True})
    day = workbook.add_format({"num_format": "yyyy-mm-dd"})
    for table in tables:
        if len(table.rows) > _ROWS_MAX:
            raise ValueError(f"{len(table.rows)} rows, a sheet has {_ROWS_MAX}; choose fewer days")
        _write(workbook.add_worksheet(table.title), table, bold, day)
    about = Table(
        "about",
        ("field", "value"),
        [
            ("scope", stamp.scope),
            ("audit_position", stamp.position),
            ("register_id", stamp.register_id),
        ],
    )
    _write(workbook.add_worksheet(about.title), about, bold, day)
    workbook.close()
    return stream.getvalue()


def _write(sheet: Worksheet, table: Table, bold: Format, day: Format) -> None:
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(table.header):
        sheet.write_string(0, column, name, bold)
    for number, row in enumerate(table.rows, 1):
        for column, value in enumerate(row):
            _write_value(sheet, number, column, value, day)
    if table.rows:
        sheet.autofilter(0, 0, len(table.rows), len(table.header) - 1)
    sheet.autofit()


def _write_value(sheet: Worksheet, row: int, column: int, value: Value, day: Format) -> None:
    if isinstance(value, str):
        sheet.write_string(row, column, value)
    elif isinstance(value, datetime):  # Excel knows no time zones
        sheet.write_string(row, column, value.isoformat(timespec="seconds"))
    elif isinstance(value, date):
        sheet.write_datetime(row, column, datetime(value.year, value.month, value.day), day)  # noqa: DTZ001 - a day
    elif value is not None:
        sheet.write_number(row, column, value)
