"""Text that is safe to show: names, topics and payloads come from files and from the network."""

import json
import unicodedata
from typing import Final

import msgspec

_JOINERS: Final = "\u200c\u200d"
"""Zero-width non-joiner and joiner: names in Persian and in Indian scripts need them."""


def is_shown(char: str) -> bool:
    """Return whether a character is shown as it is: none that controls a terminal or the order."""
    return char.isprintable() or char in _JOINERS or unicodedata.category(char) == "Zs"


def is_utf8(text: str) -> bool:
    """Return whether a text can be written as UTF-8: an argument of any bytes may be none."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def printable(text: str, keep: str = "") -> str:
    """Replace characters that could control a terminal, except those to ``keep``."""
    return "".join(
        char if is_shown(char) or char in keep else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def json_text(facts: object) -> str:
    """Return facts as JSON on one line that can control no terminal: such characters are escaped.

    Args:
        facts: Anything that msgspec can write, also with file names that are not UTF-8.
    """
    text = json.dumps(msgspec.to_builtins(facts), ensure_ascii=False)
    return "".join(char if is_shown(char) else json_escape(char) for char in text)


def json_escape(char: str) -> str:
    """Return a character as JSON escapes it; one above U+FFFF is two escapes."""
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
