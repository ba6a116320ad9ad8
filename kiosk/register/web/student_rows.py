"""Write the rows of a class: a live update writes those that are new, and repeats the others.

What a row says depends on its arguments alone, which the database gave for this request: whoever
may not see a student has no row to ask with.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from kiosk.register.web.class_state import Row

_KEPT: Final = 10_000
"""Those of some 250 classes; about 10 MiB."""


def write_rows(rows: Iterable[Row], details: str, *, is_open: bool) -> SafeString:
    """Return the list items of these students.

    Args:
        rows: The students.
        details: How the address of each mark begins.
        is_open: The marks may be changed.
    """
    texts = (_write(get_language(), row, details, is_open=is_open) for row in rows)
    return mark_safe("".join(texts))  # noqa: S308 - of a template, which escapes


def forget_rows() -> None:
    """Forget all rows, after an erasure: they hold names."""
    _write.cache_clear()


@lru_cache(maxsize=_KEPT)
def _write(_language: str | None, row: Row, details: str, *, is_open: bool) -> str:
    """Return the list item of a student, in the language that is active."""
    facts = {"row": row, "details": details, "is_open": is_open}
    return get_template("class_now_row.html").render(facts)
