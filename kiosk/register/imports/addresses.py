"""Ids that become parts of addresses of pages: browsers take "." and ".." for folders."""

from typing import Final

_FOLDERS: Final = {".", ".."}


def address_problem(text: str) -> str:
    """Return why no address of a page can have this id; "" if one can."""
    if _FOLDERS.isdisjoint(text.split("/")):
        return ""
    return 'has the part "." or "..", which no address of a page can have; change it'
