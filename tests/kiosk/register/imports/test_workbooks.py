"""Workbooks of spreadsheet programs in place of a CSV."""

import io
import zipfile
from zoneinfo import ZoneInfo

import pytest

from kiosk.register.imports.oneroster import read_oneroster
from kiosk.register.imports.roster_csv import read_roster
from kiosk.register.imports.timetable_csv import Place, read_timetable
from kiosk.register.imports.workbooks import workbook_problem
from tests.kiosk.register.imports.test_oneroster import FILES, zipped

EXCEL = "an Excel workbook; save it as CSV (UTF-8)"
SHEET = "an OpenDocument spreadsheet; save it as CSV (UTF-8)"
XLSX = {
    "[Content_Types].xml": "<Types/>",
    "_rels/.rels": "<Relationships/>",
    "xl/workbook.xml": "<workbook/>",
    **{f"xl/worksheets/sheet{n}.xml": "<worksheet/>" for n in range(120)},
}
ODS = {"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<a/>"}
ODT = {**ODS, "mimetype": "application/vnd.oasis.opendocument.text"}
XLS = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)
PLACE = Place("centro", ZoneInfo("America/Mexico_City"))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (zipped(XLSX), EXCEL),
        (zipped({"xl/workbook.bin": "", "[Content_Types].xml": ""}), EXCEL),
        (XLS, EXCEL),
        (zipped(ODS), SHEET),
    ],
)
def test_a_workbook_is_called_so(data: bytes, text: str) -> None:
    """Whatever is read from it, and however it is called; also one of many sheets."""
    for found in (
        read_roster(data, "list.csv"),
        read_oneroster(data, "list.csv"),
        read_timetable(data, "list.csv", PLACE),
    ):
        assert [str(one) for one in found.problems] == [f"list.csv: {text}"]


def test_a_workbook_in_a_zip_is_named() -> None:
    """A table of OneRoster that was saved from Excel as it is."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, zipped(XLSX) if name == "users.csv" else text)
    (problem,) = read_oneroster(stream.getvalue(), "roster.zip").problems
    assert str(problem) == f"users.csv: {EXCEL}"


@pytest.mark.parametrize(
    "data", [zipped(FILES), zipped(ODT), zipped(XLSX)[:200], b"PK\x03\x04", b"id,name,class\n", b""]
)
def test_no_other_file_is_called_a_workbook(data: bytes) -> None:
    """Nor a damaged one, of which nothing is certain."""
    assert workbook_problem(data, "f") is None
