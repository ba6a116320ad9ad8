"""Rows of a CSV file as spreadsheets write it, by the names of its columns."""

import codecs
import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kiosk.printable import is_shown, printable
from kiosk.register.imports.outcome import Remark
from kiosk.register.imports.workbooks import workbook_problem

BYTES_MAX: Final = 20_000_000
CELL_MAX: Final = 500
_BOMS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_MARKS: Final = dict.fromkeys(map(ord, "\u200e\u200f\u061c\u00ad\ufeff"))
"""Marks of direction, soft hyphens, byte order marks: other programs put them between letters, and
nobody sees them. Joiners are no such marks: they change how a name looks."""

Columns = Mapping[str, Sequence[str]]
"""The columns that a format knows: other names of each, in small letters without accents."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row.

    Attributes:
        file: Name of the file.
        line: The line that it begins on.
        cells: Its values, stripped, by column; a column that the file lacks is empty.
    """

    file: str
    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        """Return the value of a column."""
        return self.cells.get(column, "")

    def remark(self, column: str, text: str) -> Remark:
        """Return a remark on a cell of this row."""
        return Remark(self.file, self.line, column, text, self[column] if column else "")


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file.

    Attributes:
        rows: Those that are not blank.
        problems: What is wrong with the file.
        notes: What was assumed or left out.
    """

    rows: tuple[Row, ...] = ()
    problems: tuple[Remark, ...] = ()
    notes: tuple[Remark, ...] = ()


def read_rows(data: bytes, file: str, columns: Columns, required: Sequence[str]) -> Rows:
    """Read a CSV file in any encoding, and with any separator, that Excel writes.

    Args:
        data: The content: UTF-8 or UTF-16, with or without byte order mark, or Windows-1252; with
            commas, semicolons or tabs.
        file: Its name, for remarks.
        columns: The columns that are known.
        required: Those that must be there.
    """
    decoded = _text(data, file)
    if isinstance(decoded, Remark):
        return Rows(problems=(decoded,))
    text, encoding = decoded
    notes = []
    if encoding == "cp1252":
        notes = [Remark(file, 0, "", "not UTF-8, read as Windows-1252; check letters with accents")]
    lines, broken = _lines(text, file)
    if broken is not None:
        return Rows(problems=(broken,))
    if not lines:
        return Rows(problems=(Remark(file, 0, "", "empty; the first line has the columns"),))
    (head_line, header), *body = lines
    names, problems, unknown = _header(file, head_line, header, columns, required)
    if not body and not problems:
        problems = [Remark(file, head_line, "", "no rows below the header")]
    if problems:
        return Rows(problems=tuple(problems), notes=(*notes, *unknown))
    rows = [_row(file, line, cells, names, problems) for line, cells in body]
    return Rows(tuple(rows), tuple(problems), (*notes, *unknown))


def _text(data: bytes, file: str) -> tuple[str, str] | Remark:
    """Return the text of a file and its encoding, or why it has none."""
    if len(data) > BYTES_MAX:
        return Remark(file, 0, "", f"larger than {BYTES_MAX // 1_000_000} MB; divide the file")
    text = "neither UTF-8, UTF-16 nor Windows-1252; save it as CSV UTF-8"
    return workbook_problem(data, file) or decode(data) or Remark(file, 0, "", text)


def decode(data: bytes) -> tuple[str, str] | None:
    """Return the text of a file and its encoding; ``None`` if it is not text."""
    known = next((name for bom, name in _BOMS.items() if data.startswith(bom)), None)
    if known is None and b"\0" in data[:200]:
        known = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    for encoding in (known,) if known else ("utf-8", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if "\0" in text else (text, encoding)
    return None


def cleaned(text: str) -> str:
    """Return a name without blanks at its ends and without :data:`_MARKS`."""
    return text.translate(_MARKS).strip()


def unseen_problem(text: str) -> str:
    """Return which character of a text does not print; "" if all do."""
    return next(
        (f"{_code(one)} does not print; delete it" for one in text if not is_shown(one)), ""
    )


def with_codes(text: str) -> str:
    """Return a text with the codes of those characters that do not print."""
    return "".join(char if is_shown(char) else f"[{_code(char)}]" for char in text)


def _code(char: str) -> str:
    return f"U+{ord(char):04X}"


def plain(name: str) -> str:
    """Return the name of a column in small letters, without accents, signs and double blanks."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    words = "".join(char if char.isalnum() else " " for char in letters if char.isascii())
    return " ".join(words.split())


def _lines(text: str, file: str) -> tuple[list[tuple[int, list[str]]], Remark | None]:
    """Return the line and the cells of each row that is not blank, and where it ends being CSV."""
    stream = io.StringIO(text, newline="")
    # Spreadsheets may leave rows above the header empty, with separators or without.
    written = ((at, line) for at, line in enumerate(stream, 1) if line.strip(" ,;\t\r\n"))
    skipped, first = next(written, (0, text))
    separator = max(",;\t", key=first.count)
    if first.strip().lower().startswith("sep=") and len(first.strip()) == len("sep=;"):
        separator = first.strip()[-1]
    else:
        skipped = 0
        stream.seek(0)
    reader = csv.reader(stream, delimiter=separator, strict=True)
    lines: list[tuple[int, list[str]]] = []
    begins = 1 + skipped
    try:
        for row in reader:
            cells = [cleaned(cell) for cell in row]
            if any(cells):
                lines.append((begins, cells))
            begins = reader.line_num + 1 + skipped
    except csv.Error as exc:
        return [], Remark(file, begins, "", f"not CSV: {exc}")
    return lines, None


def _header(
    file: str, line: int, header: list[str], columns: Columns, required: Sequence[str]
) -> tuple[list[str], list[Remark], list[Remark]]:
    """Return the column of each cell ("" for one that is not known), problems and notes."""
    aliases = {plain(name): column for column in columns for name in (column, *columns[column])}
    names = [aliases.get(plain(cell), "") for cell in header]
    problems = [
        Remark(file, line, column, f"the column is missing; the header may call it {_or(names_)}")
        for column in required
        if column not in names
        for names_ in [(column, *columns[column])]
    ]
    problems += [
        Remark(file, line, name, "two columns have this name")
        for name, count in Counter(names).items()
        if name and count > 1
    ]
    unknown = [
        Remark(file, line, printable(cell)[:40], "not a column of this format; left out")
        for cell, name in zip(header, names, strict=True)
        if cell and not name
    ]
    return names, problems, unknown


def _or(names: Sequence[str]) -> str:
    return " or ".join(f'"{name}"' for name in names[:3])


def _row(file: str, line: int, cells: list[str], names: list[str], problems: list[Remark]) -> Row:
    row = Row(file, line, {name: cell for name, cell in zip(names, cells, strict=False) if name})
    if any(cells[len(names) :]):
        text = f'{len(cells)} cells, the header has {len(names)}; put "quotes" around a separator'
        problems.append(Remark(file, line, "", text))
    for column, cell in row.cells.items():
        if len(cell) > CELL_MAX:
            problems.append(row.remark(column, f"longer than {CELL_MAX} characters"))
        elif text := unseen_problem(cell):
            problems.append(Remark(file, line, column, text, with_codes(cell)))
    return row
