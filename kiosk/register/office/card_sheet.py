"""Cards as a PDF sheet: the size of a bank card each, to be printed at 100 % and cut.

:mod:`kiosk.register.office.card_fonts` says what the names are written in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import segno
from fpdf import FPDF

from kiosk.register.office.card_fonts import needed

Paper: TypeAlias = Literal["a4", "letter"]

_WIDTH_MM: Final = 85.6
_HEIGHT_MM: Final = 54.0
_CODE_MM: Final = 46.0
"""With the quiet zone: a module of 1 mm, which a camera of 640 pixels reads at 20 cm."""
_COLUMNS: Final = 2
_MARGIN_MM: Final = 3.0
_QUIET: Final = 4
"""Modules of white around a QR code (ISO/IEC 18004)."""
_NAME_SIZES: Final = (14, 12, 10, 8, 7)
"""Points: the largest at which a name is no higher than ``_NAME_MM``; else the last."""
_NAME_MM: Final = 24.0
_LINE_MM: Final = 0.45
"""Height of a line for each point of the letters."""


@dataclass(frozen=True, slots=True)
class PrintedCard:
    """What is printed on a card.

    Attributes:
        name: The student's name.
        group: The class.
        card_id: Names the card, for who must revoke it.
        expires: The last day on which it counts, as it is shown.
        text: What the QR code says.
    """

    name: str
    group: str
    card_id: str
    expires: str
    text: str


def card_sheet(cards: Sequence[PrintedCard], paper: Paper, fonts: Sequence[Path]) -> bytes:
    """Return the PDF.

    Args:
        cards: The cards, in their order.
        paper: Its size.
        fonts: TrueType fonts: each has what those before it lack; Helvetica is used without one.
    """
    pdf = FPDF(orientation="portrait", unit="mm", format=paper)
    pdf.set_auto_page_break(auto=False)
    pdf.set_title("Cards")
    used = needed((f"{one.name}{one.group}{one.expires}" for one in cards), fonts)
    for one in used:
        pdf.add_font(one.stem, fname=one)
    family = used[0].stem if used else "Helvetica"
    pdf.set_fallback_fonts([one.stem for one in used[1:]], exact_match=False)
    # Letters of Arabic take the form that their place asks for, and run from right to left.
    pdf.set_text_shaping(bool(used))
    rows = int((pdf.eph + pdf.t_margin + pdf.b_margin) // _HEIGHT_MM)
    left = (pdf.w - _COLUMNS * _WIDTH_MM) / 2
    top = (pdf.h - rows * _HEIGHT_MM) / 2
    for number, card in enumerate(cards):
        place = number % (rows * _COLUMNS)
        if place == 0:
            pdf.add_page()
        row, column = divmod(place, _COLUMNS)
        _draw(pdf, card, family, left + column * _WIDTH_MM, top + row * _HEIGHT_MM)
    return bytes(pdf.output())


def _draw(pdf: FPDF, card: PrintedCard, family: str, x: float, y: float) -> None:
    pdf.set_draw_color(190)
    pdf.set_line_width(0.1)
    pdf.rect(x, y, _WIDTH_MM, _HEIGHT_MM)
    _draw_code(pdf, card.text, x + _MARGIN_MM, y + (_HEIGHT_MM - _CODE_MM) / 2)
    left = x + _MARGIN_MM + _CODE_MM + 1
    width = _WIDTH_MM - _CODE_MM - 2 * _MARGIN_MM - 1
    pdf.set_xy(left, y + _MARGIN_MM + 2)
    name = _printable(card.name, family)
    fitting = (one for one in _NAME_SIZES if _height(pdf, name, family, one, width) <= _NAME_MM)
    name_size = next(fitting, _NAME_SIZES[-1])
    for points, text in (
        (name_size, card.name),
        (10, card.group),
        (8, card.expires),
        (8, card.card_id),
    ):
        pdf.set_font(family, size=points)
        pdf.set_x(left)
        pdf.multi_cell(width, points * _LINE_MM, _printable(text, family), align="L")
        pdf.ln(2)


def _height(pdf: FPDF, text: str, family: str, points: float, width: float) -> float:
    """Return how high a text stands in a column, mm."""
    pdf.set_font(family, size=points)
    lines = pdf.multi_cell(width, text=text, dry_run=True, output="LINES")
    assert isinstance(lines, list)
    return float(len(lines) * points * _LINE_MM)


def _draw_code(pdf: FPDF, text: str, x: float, y: float) -> None:
    """Draw the code of runs of dark modules, so that no printer smooths a picture."""
    code = segno.make(text, error="l", boost_error=False, micro=False)
    rows = [list(row) for row in code.matrix]
    module = _CODE_MM / (len(rows) + 2 * _QUIET)
    pdf.set_fill_color(0)
    for i, row in enumerate(rows):
        start = 0
        while start < len(row):
            end = start
            while end < len(row) and row[end]:
                end += 1
            if end > start:
                at = x + (_QUIET + start) * module, y + (_QUIET + i) * module
                pdf.rect(*at, (end - start) * module, module, style="F")
            start = end + 1


def _printable(text: str, family: str) -> str:
    """Replace what Helvetica lacks; fpdf would stop there."""
    if family != "Helvetica":
        return text
    return text.encode("latin-1", "replace").decode("latin-1")
