"""Readers of JSON for each type, built by one thread at a time.

msgspec examines a type when it is first used, and fills in what it finds field by field. A second
thread that uses the type meanwhile reads an empty place, and the process ends with a segmentation
fault (msgspec 0.22; `tests/kiosk/test_decoder.py` shows it).
"""

from functools import cache
from threading import Lock
from typing import Any, Final, TypeVar, overload

import msgspec

_Content = TypeVar("_Content")
_LOCK: Final = Lock()


@overload
def decoder_of(kind: type[_Content]) -> msgspec.json.Decoder[_Content]: ...


@overload
def decoder_of(kind: object) -> msgspec.json.Decoder[Any]: ...


def decoder_of(kind: Any) -> msgspec.json.Decoder[Any]:
    """Return what reads a type, or a union, from JSON; any thread may call it and use it."""
    with _LOCK:
        return _build(kind)


@cache
def _build(kind: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401 - a union is no type to mypy
    return msgspec.json.Decoder(kind)
