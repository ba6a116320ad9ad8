"""CSV that a spreadsheet opens without running anything in it."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A spreadsheet would run a text that begins like this; the last four are the wide forms."""


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet would run a text instead of showing it."""
    return text.lstrip(" ").startswith(_FORMULA)


def cell(value: str | float | None) -> str:
    """Return the text of a cell; an apostrophe before what a spreadsheet would run."""
    if isinstance(value, str):
        return f"'{value}" if is_formula(value) else value
    return "" if value is None else str(value)


def write_csv(rows: Iterable[Sequence[str | float | None]], *, has_bom: bool = False) -> bytes:
    """Return rows as CSV in UTF-8.

    Args:
        rows: The rows, the header first.
        has_bom: Begin with a byte order mark, by which Excel recognises UTF-8.
    """
    text = io.StringIO(newline="")
    csv.writer(text).writerows([cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8-sig" if has_bom else "utf-8")
