"""The fonts of Debian that write names on cards, and the names that they cannot write."""

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTFont

FONTS: Final = (
    Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
    Path("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf"),
)
"""Of the packages fonts-dejavu-core (Latin, Greek, Cyrillic) and fonts-droid-fallback (Chinese,
Japanese; Apache-2.0). Without the first, names are written in Helvetica: western Europe.
"""
_RIGHT_TO_LEFT: Final = {"R", "AL"}
"""Letters of Arabic take another form beside each other, which the PDF library does not know."""


def installed(fonts: Sequence[Path] = FONTS) -> tuple[Path, ...]:
    """Return the fonts of this machine; none without the first."""
    found = tuple(one for one in fonts if one.is_file())
    return found if found[:1] == tuple(fonts[:1]) else ()


def not_written(names: Iterable[str], fonts: Sequence[Path]) -> list[str]:
    """Return the names that would not stand on a card as they are.

    Args:
        names: Names of students.
        fonts: The installed fonts.
    """
    return [name for name in names if not all(_is_written(one, fonts) for one in name)]


def _is_written(letter: str, fonts: Sequence[Path]) -> bool:
    if unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT:
        return False
    if not fonts:
        return ord(letter) < 256
    return any(ord(letter) in _letters(one) for one in fonts)


@cache
def _letters(font: Path) -> frozenset[int]:
    """Return the characters that a font has."""
    with TTFont(font, lazy=True) as opened:
        return frozenset(opened.getBestCmap())
