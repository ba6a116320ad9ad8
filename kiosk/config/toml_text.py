"""Read TOML that may be damaged or hostile: tables, or one error with the reason."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from kiosk.files.bounded_file import size_text

BYTES_MAX: Final = 128_000
"""Bytes of the largest file; a timetable of 60 lessons has 6,000."""
_LINE_MAX: Final = 1000
_DEPTH_MAX: Final = 8
_TOO_DEEP: Final = f"nested more than {_DEPTH_MAX} deep"


def read_toml(text: bytes) -> dict[str, Any]:
    """Decode TOML.

    Raises:
        ValueError: It is too long, nested too deeply, or not TOML; the text is the reason.
    """
    if len(text) > BYTES_MAX:
        raise ValueError(f"longer than {size_text(BYTES_MAX)}")
    # Each dot of a long key costs the parser more than the one before.
    if max(map(len, text.splitlines()), default=0) > _LINE_MAX:
        raise ValueError(f"a line of more than {_LINE_MAX} bytes")
    try:
        tables: dict[str, Any] = msgspec.toml.decode(text)
    # ValueError: not UTF-8, a date of no calendar, or a number with too many digits.
    except (msgspec.DecodeError, ValueError, OverflowError) as exc:
        raise ValueError(str(exc)) from exc
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if _is_deep(tables):
        raise ValueError(_TOO_DEEP)
    return tables


def _is_deep(tables: Any) -> bool:  # noqa: ANN401 - what TOML holds
    """Return whether tables and lists are nested too deeply; this does not recurse."""
    level = [tables]
    for _ in range(_DEPTH_MAX):
        level = [item for value in level for item in _items(value)]
    return bool(level)


def _items(value: Any) -> Iterable[Any]:  # noqa: ANN401 - what TOML holds
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
