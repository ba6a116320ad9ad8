"""Files of the HEIF family: decode HEIC, and find how an AVIF picture is turned.

A phone stores a picture as the sensor saw it, with the turn that shows it upright. In this family
the turn is in the boxes ``irot`` and ``imir`` (ISO/IEC 23008-12), which OpenCV ignores.
"""

import importlib
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import numpy as np

from kiosk import PIXELS_MAX
from kiosk.errors import PhotoError
from kiosk.records import Image

_HEIC_BRANDS: Final = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
# What pillow-heif raises for a damaged file.
_DAMAGE: Final = (ValueError, RuntimeError, OSError, EOFError, SyntaxError, MemoryError)

Turn: TypeAlias = Callable[[Image], Image]
"""Turns or mirrors a picture."""


def is_heic(data: bytes) -> bool:
    """Return whether a file names HEIC as one of its brands, and not AVIF as the first."""
    brands = _brands(data)
    return brands[:1] != [b"avif"] and bool(_HEIC_BRANDS.intersection(brands))


def has_heic() -> bool:
    """Return whether the extra "heic" is installed."""
    return _library() is not None


def decode_heic(data: bytes) -> Image:
    """Decode an upright picture, ``(height, width, 3)`` uint8 BGR.

    Raises:
        PhotoError: The extra is not installed, or the picture is damaged or too large.
    """
    library = _library()
    if library is None:
        raise PhotoError('HEIC needs the extra "heic" (pip install "attendance-kiosk[heic]")')
    try:
        file = library.open_heif(data, bgr_mode=True)
        is_too_large = file.size[0] * file.size[1] > PIXELS_MAX
        picture = None if is_too_large else np.asarray(file)
    except _DAMAGE as exc:
        raise PhotoError("unreadable") from exc
    if picture is None:
        raise PhotoError("too many pixels")
    if picture.ndim == 2:
        picture = np.stack([picture] * 3, axis=2)
    return np.ascontiguousarray(picture[:, :, :3], np.uint8)


def _library() -> Any:  # noqa: ANN401 - an optional module
    try:
        return importlib.import_module("pillow_heif")
    except ImportError:
        return None


def avif_turns(data: bytes) -> tuple[Turn, ...]:
    """Return what makes the decoded picture of an AVIF file upright, in this order.

    Returns:
        Nothing for another file, for a damaged one and for an upright picture.
    """
    if b"avif" not in _brands(data) or is_heic(data):
        return ()
    try:
        meta = dict(_boxes(_child(data, b"meta")[4:]))
        primary = _primary_item(meta[b"pitm"])
        properties = dict(_boxes(meta[b"iprp"]))
        stored = [*_boxes(properties[b"ipco"])]
        used = _used_properties(properties[b"ipma"], primary)
        turns = [_turn(*stored[index - 1]) for index in used if index]
    except (KeyError, IndexError):
        return ()
    return tuple(turn for turn in turns if turn is not None)


def _brands(data: bytes) -> list[bytes]:
    """Return the brands of the box ``ftyp``; nothing for a file of another family."""
    if data[4:8] != b"ftyp":
        return []
    size = int.from_bytes(data[:4], "big")
    rest = [data[at : at + 4] for at in range(16, min(size, len(data), 400), 4)]
    return [data[8:12], *rest]


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the type and the content of each box."""
    at = 0
    while at + 8 <= len(data):
        size, kind, start = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, start = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        end = at + size if size else len(data)
        if end < at + start:
            return
        yield kind, data[at + start : end]
        at = end


def _child(data: bytes, kind: bytes) -> bytes:
    return next((content for found, content in _boxes(data) if found == kind), b"")


def _primary_item(content: bytes) -> int:
    return int.from_bytes(content[4:6] if content[0] == 0 else content[4:8], "big")


def _used_properties(content: bytes, item: int) -> list[int]:
    """Return the numbers, from 1, of the properties of an item, in the order of their use."""
    version, is_wide = content[0], content[3] & 1
    id_bytes, index_bytes = (4 if version else 2), (2 if is_wide else 1)
    at = 8
    for _ in range(int.from_bytes(content[4:8], "big")):
        found = int.from_bytes(content[at : at + id_bytes], "big")
        count = content[at + id_bytes]
        start = at + id_bytes + 1
        at = start + count * index_bytes
        if found == item:
            # The highest bit says whether a reader must understand the property.
            mask = 0x7FFF if is_wide else 0x7F
            places = range(start, at, index_bytes)
            return [int.from_bytes(content[p : p + index_bytes], "big") & mask for p in places]
    return []


def _turn(kind: bytes, content: bytes) -> Turn | None:
    """Return the turn of a property; ``None`` for a property of another kind."""
    if kind == b"irot":
        quarters = content[0] & 3  # anticlockwise
        return lambda picture: np.rot90(picture, quarters)
    if kind == b"imir":
        axis = content[0] & 1  # 0: top and bottom are exchanged; 1: left and right
        return lambda picture: np.flip(picture, axis)
    return None
