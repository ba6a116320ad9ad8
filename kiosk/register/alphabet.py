"""How names are put in order, found and told apart: accents and capitals do not count.

A database compares letters by their numbers (SQLite), so that Álvaro stood after Zoe and 10A before
7B, or by a language of its own (PostgreSQL). These functions give one order on every machine.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

_DIGITS: Final = re.compile(r"\d+")
_AFTER_N: Final = "n\U0010fffe"
"""In Spanish ñ is a letter of its own, after every other n."""
_LETTERS: Final = str.maketrans({
    "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ß": "ss",
    "\u0131": "i", "ħ": "h", "ŧ": "t", "ŋ": "n",
})  # fmt: skip
"""Letters that Unicode does not take apart (U+0131: i without a dot); ``web/static/class.js`` has
the same."""


@lru_cache(32_768)  # every live update of a district's classes asks for its students
def sort_key(text: str) -> str:
    """Return what a name or title is ordered by; names that differ in accents alone stay apart."""
    composed = unicodedata.normalize("NFC", text.casefold())
    letters = _plain(composed.replace("ñ", _AFTER_N))
    return _DIGITS.sub(lambda number: number[0].zfill(9), letters) + f"\0{text}"


def contains(text: str, words: str) -> bool:
    """Return whether a text has each of these words, or a part of it: "nunez" finds "Núñez"."""
    plain = folded(text)
    return all(word in plain for word in folded(words).split())


def told_apart(names: Mapping[str, str]) -> dict[str, str]:
    """Return what people are called in a list: with the id where another one is called so, too.

    Every page and sheet that lists people asks this, so that nobody's card, consent or mark goes to
    another person of that name. "Ana Gómez" and "Ana Gomez" are one name: who reads quickly takes
    the one for the other.

    Args:
        names: The name of each person in the list, by id.
    """
    called = Counter(folded(name) for name in names.values())
    return {
        key: name if called[folded(name)] == 1 else f"{name} ({key})" for key, name in names.items()
    }


@lru_cache(32_768)  # as above
def folded(text: str) -> str:
    """Return a text in small letters of the plain alphabet, without accents."""
    return _plain(text.casefold())


def forget_names() -> None:
    """Forget every name that was put in order or searched, after an erasure."""
    sort_key.cache_clear()
    folded.cache_clear()


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text)
    bare = "".join(one for one in letters if not unicodedata.combining(one))
    return bare.translate(_LETTERS)
