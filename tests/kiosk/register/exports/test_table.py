"""CSV and workbook for people."""

import csv
import io
import zipfile

import pytest

from kiosk.register.exports.marks_csv import table_csv
from kiosk.register.exports.marks_xlsx import tables_xlsx
from kiosk.register.exports.records import Stamp
from kiosk.register.exports.table import COLUMNS, Table, marks_table, sums_table
from kiosk.register.rules.codes import Code
from tests.kiosk.register.exports.support import LINES, STAMP, line


def rows(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table_csv(table).decode("utf-8-sig"), newline="")))


def test_a_row_has_the_mark_and_how_it_came_to_be() -> None:
    """Event, derived mark and correction with its reason stand side by side."""
    bob, cy = rows(marks_table(LINES, STAMP))[1:]
    assert bob | {"rule": "late.after"} == {
        **dict.fromkeys(COLUMNS, ""),
        "date": "2026-11-25",
        "start": "08:00",
        "end": "08:45",
        "class": "10B",
        "lesson": "Maths",
        "room": "107",
        "student_id": "s-Bob",
        "name": "Bob",
        "status": "late",
        "minutes_late": "12",
        "arrived": "08:11:30",
        "clock": "synchronised",
        "rule": "late.after",
        "derived": "late",
        "points": "0",
        "lesson_id": "maths",
        "class_id": "10B",
        "audit_position": "1234-5-20261125T150000Z",
    }
    assert (cy["status"], cy["derived"], cy["reason"]) == ("excused", "absent", "dentist")
    assert (cy["corrected_by"], cy["corrected_at"]) == ("office", "2026-11-25T09:00:00-06:00")


def test_a_student_has_a_sum() -> None:
    """How often each code, and the rate of what counts."""
    more = [line("Ada", Code.ABSENT, lesson_id="art"), line("Ada", Code.LATE, lesson_id="gym")]
    ada, _, cy = rows(sums_table([*LINES, *more], STAMP))
    assert [ada[key] for key in ("lessons", "present", "late", "absent", "rate_percent")] == [
        *("3", "1", "1", "1", "66.7")
    ]
    assert (cy["rate_percent"], cy["points"], cy["excused"]) == ("", "2", "1")


def test_the_same_position_gives_the_same_bytes() -> None:
    """Whatever order the database gives the rows in, and whenever the file is made."""
    for lines in (LINES, LINES[::-1]):
        tables = [marks_table(lines, STAMP), sums_table(lines, STAMP)]
        assert table_csv(tables[0]) == table_csv(marks_table(LINES, STAMP))
        first = tables_xlsx(tables, STAMP)
        assert first == tables_xlsx([marks_table(LINES, STAMP), sums_table(LINES, STAMP)], STAMP)
    assert unzipped(first)["docProps/core.xml"].count(b"2000-01-01T00:00:00Z") == 2


def unzipped(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_workbook_says_where_it_stands() -> None:
    """On its last sheet, with the register's id."""
    text = unzipped(tables_xlsx([marks_table(LINES, STAMP)], STAMP))
    assert b"audit_position" in text["xl/sharedStrings.xml"]
    assert b">1234-5-20261125T150000Z<" in text["xl/sharedStrings.xml"]


FORMULAS = ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", " =1", "\uff1d1", '=HYPERLINK("http://x")']


@pytest.mark.parametrize("text", FORMULAS)
def test_a_spreadsheet_runs_nothing(text: str) -> None:
    """In CSV an apostrophe stands before it, in the workbook it is a text."""
    table = marks_table([line(text, reason=text)], STAMP)
    (row,) = rows(table)
    assert (row["name"], row["reason"]) == (f"'{text}", f"'{text}")
    sheet = unzipped(tables_xlsx([table], STAMP))["xl/worksheets/sheet1.xml"]
    assert b"<f>" not in sheet
    assert b"hyperlink" not in sheet


def test_a_file_has_a_name_that_every_system_takes() -> None:
    """What was chosen, and the position."""
    assert STAMP.file_name("marks", "csv") == "marks-10B-25-11-2026-p1234-5-20261125T150000Z.csv"
    assert Stamp("r", "5", "../../etc").file_name("marks", "csv") == "marks-etc-p5.csv"
