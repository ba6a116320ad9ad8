"""Make a file of a selection: for people, Moodle, Canvas or Ed-Fi."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kiosk.register.config import RegisterConfig
from kiosk.register.exports.canvas import canvas_csv
from kiosk.register.exports.ed_fi import ed_fi_json
from kiosk.register.exports.marks_csv import table_csv
from kiosk.register.exports.marks_xlsx import tables_xlsx
from kiosk.register.exports.moodle import moodle_csv
from kiosk.register.exports.records import LeftOut, Stamp
from kiosk.register.exports.table import changes_table, marks_table, sums_table
from kiosk.register.handover.sections import sections
from kiosk.register.handover.selection import Selection

_CSV: Final = "text/csv; charset=utf-8"
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Kind(StrEnum):
    """The kinds of files."""

    MARKS = "marks"
    STUDENTS = "students"
    CHANGES = "changes"
    WORKBOOK = "workbook"
    MOODLE = "moodle"
    CANVAS = "canvas"
    ED_FI = "ed-fi"


FOR_OTHER_SYSTEMS: Final = (Kind.MOODLE, Kind.CANVAS, Kind.ED_FI)
"""Those that may leave something out."""


@dataclass(frozen=True, slots=True)
class File:
    """A file.

    Attributes:
        name: A name that every system takes.
        content_type: Its media type.
        data: Its bytes.
        left_out: What the other system cannot take, and why.
    """

    name: str
    content_type: str
    data: bytes
    left_out: tuple[LeftOut, ...] = ()


def make_file(kind: Kind, selected: Selection, stamp: Stamp, config: RegisterConfig) -> File:
    """Return a file; the same bytes for the same selection and stamp.

    Raises:
        ValueError: The selection does not fit: Moodle takes one lesson, Canvas one class, and a
            sheet has so many rows.
    """
    return _MAKERS[kind](selected, stamp, config)


def _marks(selected: Selection, stamp: Stamp, _config: RegisterConfig) -> File:
    data = table_csv(marks_table(selected.lines, stamp))
    return File(stamp.file_name("marks", "csv"), _CSV, data)


def _students(selected: Selection, stamp: Stamp, config: RegisterConfig) -> File:
    data = table_csv(sums_table(selected.lines, stamp, config.codes))
    return File(stamp.file_name("students", "csv"), _CSV, data)


def _changes(selected: Selection, stamp: Stamp, _config: RegisterConfig) -> File:
    data = table_csv(changes_table(selected.changes, stamp))
    return File(stamp.file_name("changes", "csv"), _CSV, data)


def _workbook(selected: Selection, stamp: Stamp, config: RegisterConfig) -> File:
    tables = (
        marks_table(selected.lines, stamp),
        sums_table(selected.lines, stamp, config.codes),
        changes_table(selected.changes, stamp),
    )
    return File(stamp.file_name("marks", "xlsx"), _XLSX, tables_xlsx(tables, stamp))


def _moodle(selected: Selection, stamp: Stamp, config: RegisterConfig) -> File:
    found = moodle_csv(selected.lines, config.codes)
    return File(stamp.file_name("moodle", "csv"), _CSV, found.data, found.left_out)


def _canvas(selected: Selection, stamp: Stamp, config: RegisterConfig) -> File:
    found = canvas_csv(selected.lines, config.exports.canvas_column, config.codes)
    return File(stamp.file_name("canvas", "csv"), _CSV, found.data, found.left_out)


def _ed_fi(selected: Selection, stamp: Stamp, config: RegisterConfig) -> File:
    found = ed_fi_json(selected.lines, sections(selected.lines, config), config.codes)
    name = stamp.file_name("ed-fi", "json")
    return File(name, "application/json", found.data, found.left_out)


_MAKERS: Final[dict[Kind, Callable[[Selection, Stamp, RegisterConfig], File]]] = {
    Kind.MARKS: _marks,
    Kind.STUDENTS: _students,
    Kind.CHANGES: _changes,
    Kind.WORKBOOK: _workbook,
    Kind.MOODLE: _moodle,
    Kind.CANVAS: _canvas,
    Kind.ED_FI: _ed_fi,
}
