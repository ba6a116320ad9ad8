"""Text tables: rows of cells, padded so that the columns line up."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

_GAP: Final = "  "


def aligned(
    rows: Iterable[Sequence[str]], *, numbers: bool = False, widths_min: Sequence[int] = ()
) -> Iterator[str]:
    """Pad the cells of a table, and yield one line per row without trailing spaces.

    Args:
        rows: All of equal length; the header, if any, is the first.
        numbers: Align every column but the first to the right.
        widths_min: Least width of each column, so that several tables can share their widths.
    """
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    if widths_min:
        widths = [max(pair) for pair in zip(widths, widths_min, strict=True)]
    for row in table:
        cells = [
            cell.rjust(width) if numbers and number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield _GAP.join(cells).rstrip()
