"""Text that is safe to show: names, topics and payloads come from files and from the network."""

import unicodedata
from typing import Final

_JOINERS: Final = "\u200c\u200d"
"""Zero-width non-joiner and joiner: names in Persian and in Indian scripts need them."""


def is_shown(char: str) -> bool:
    """Return whether a character is shown as it is: none that controls a terminal or the order."""
    return char.isprintable() or char in _JOINERS or unicodedata.category(char) == "Zs"


def printable(text: str) -> str:
    """Replace characters that could control a terminal."""
    return "".join(char if is_shown(char) else "\N{REPLACEMENT CHARACTER}" for char in text)
