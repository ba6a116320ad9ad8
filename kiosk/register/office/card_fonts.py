"""The fonts of Debian that write names on cards, and the names that they cannot write."""

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTFont

_FOLDER: Final = Path("/usr/share/fonts/truetype")
_NOTO: Final = (
    *("Armenian", "Bengali", "Devanagari", "Ethiopic", "Georgian", "Gujarati", "Gurmukhi"),
    *("Kannada", "Khmer", "Lao", "Malayalam", "Myanmar", "Sinhala", "Tamil", "Telugu", "Thai"),
)
FONTS: Final = (
    _FOLDER / "dejavu/DejaVuSans.ttf",
    _FOLDER / "droid/DroidSansFallbackFull.ttf",
    _FOLDER / "nanum/NanumGothic.ttf",
    *(_FOLDER / f"noto/NotoSans{one}-Regular.ttf" for one in _NOTO),
)
"""Of the packages fonts-dejavu-core (Latin, Greek, Cyrillic, Arabic, Hebrew), fonts-droid-fallback
(Chinese, Japanese), fonts-nanum (Korean) and fonts-noto-core. Without the first, names are written
in Helvetica: western Europe.
"""
_INVISIBLE: Final = {"Cc", "Cf", "Zs"}
"""Categories of Unicode that need no glyph, such as the joiners of Persian and Hindi."""


def installed(fonts: Sequence[Path] = FONTS) -> tuple[Path, ...]:
    """Return the fonts of this machine; none without the first."""
    found = tuple(one for one in fonts if one.is_file())
    return found if found[:1] == tuple(fonts[:1]) else ()


def needed(texts: Iterable[str], fonts: Sequence[Path]) -> tuple[Path, ...]:
    """Return the first font, and of the others those that have a letter which those before lack."""
    letters = _visible("".join(texts))
    used: list[Path] = []
    for one in fonts:
        if not used or letters & _letters(one):
            used.append(one)
        letters -= _letters(one)
    return tuple(used)


def not_written(names: Iterable[str], fonts: Sequence[Path]) -> list[str]:
    """Return the names that would not stand on a card as they are.

    Args:
        names: Names of students.
        fonts: The installed fonts.
    """
    return [name for name in names if not all(_is_written(one, fonts) for one in _visible(name))]


def _visible(text: str) -> frozenset[str]:
    return frozenset(one for one in text if unicodedata.category(one) not in _INVISIBLE)


def _is_written(letter: str, fonts: Sequence[Path]) -> bool:
    if not fonts:
        return ord(letter) < 256
    return any(letter in _letters(one) for one in fonts)


@cache
def _letters(font: Path) -> frozenset[str]:
    """Return the characters that a font has."""
    with TTFont(font, lazy=True) as opened:
        return frozenset(map(chr, opened.getBestCmap()))
