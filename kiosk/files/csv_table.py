"""Read CSV files that a school edits in a spreadsheet, and keep their form when writing."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kiosk.errors import RosterError
from kiosk.files.bounded_file import read_file

CSV_BYTES_MAX: Final = 16_000_000
"""Bytes of the largest list; 100,000 people have 4,000,000."""
_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How a spreadsheet wrote a file.

    Attributes:
        delimiter: Between two columns: a comma, a semicolon (where the comma is for decimals) or a
            tab.
        has_bom: Whether the file begins with a byte order mark, by which Excel recognises UTF-8.
    """

    delimiter: str = ","
    has_bom: bool = False


@dataclass(frozen=True, slots=True)
class CsvTable:
    """The rows of a file.

    Attributes:
        rows: Place (file and line) and cells of each row; blank rows are left out, and so are blank
            cells behind the columns of the header.
        form: How the file was written.
    """

    rows: tuple[tuple[str, list[str]], ...]
    form: CsvForm


def read_csv(path: Path, header: Sequence[str]) -> CsvTable:
    """Read a CSV file in UTF-8 whose first columns have these names.

    Raises:
        RosterError: The file cannot be read, or a line is malformed; the message names the line
            and quotes nothing of it: it may hold a person's name, and errors go to logs.
    """
    try:
        text = read_file(path, CSV_BYTES_MAX).decode()
    except OSError as exc:
        raise RosterError(f"{path}: cannot be read ({exc.strerror})") from exc
    except UnicodeDecodeError as exc:
        line = exc.object[: exc.start].count(b"\n") + 1
        raise RosterError(f"{path}:{line}: not UTF-8; save the file as UTF-8 CSV") from exc
    form = CsvForm(_delimiter(text), text.startswith(_BOM))
    rows = list(_rows(path, text.removeprefix(_BOM), form.delimiter, len(header)))
    found = [cell.casefold() for cell in rows[0][1]] if rows else []
    if found[: len(header)] != list(header):
        expected = ",".join(header)
        raise RosterError(f"{path}:1: the header is wrong, expected the line: {expected}")
    return CsvTable(tuple(rows[1:]), form)


def format_csv(rows: Iterable[Sequence[str]], form: CsvForm) -> bytes:
    """Return rows, of which the first is the header, as the bytes of a file."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=form.delimiter).writerows(rows)
    return ((_BOM if form.has_bom else "") + text.getvalue()).encode()


def _delimiter(text: str) -> str:
    """Return the most frequent delimiter of the header."""
    header = text.partition("\n")[0]
    return max(",;\t", key=header.count)


def _rows(path: Path, text: str, delimiter: str, columns: int) -> Iterator[tuple[str, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            while len(cells) > columns and not cells[-1]:
                cells.pop()
            if any(cells):
                yield f"{path}:{reader.line_num}", cells
    except csv.Error as exc:
        raise RosterError(f"{path}:{reader.line_num}: not CSV ({exc})") from exc
