"""Read arrays and files out of zip archives that may be damaged or hostile, in bounded memory.

A zip archive of 1 MB can unpack to 2 GB, and the header of an array can claim 8 TB. So each file
has a limit that holds while it is unpacked, and an array is exactly as large as its bytes.
"""

import io
import math
import tokenize
import zipfile
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from kiosk.files.bounded_file import size_text
from kiosk.files.zip_damage import ZIP_DAMAGE

_MEMBERS_MAX: Final = 100
_CHUNK: Final = 1 << 20
_ENTRY: Final = b"PK\x01\x02"
"""Begins each entry of the list of files in an archive."""
_HEADER_MAX: Final = 1000
"""Characters in the header of an array; ours have about 100."""
# What Python's parser raises for a header; MemoryError and RecursionError: nested too deeply.
_HEADER_ERRORS: Final = (
    *(ValueError, TypeError, SyntaxError, tokenize.TokenError, EOFError, KeyError),
    *(MemoryError, RecursionError, OverflowError, AttributeError, IndexError),
)


def read_archive(data: bytes, sizes: Mapping[str, int]) -> dict[str, bytes]:
    """Unpack files of a zip archive.

    Args:
        data: The archive.
        sizes: The files to unpack, each with the bytes that it may have at most.

    Raises:
        ValueError: It is no zip archive, is damaged, or a file is absent or larger; the text says
            which.
    """
    if data.count(_ENTRY) > _MEMBERS_MAX:
        raise ValueError(f"more than {_MEMBERS_MAX} files in the archive")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: _unpack(archive, name, size) for name, size in sizes.items()}
    except (*ZIP_DAMAGE, KeyError) as exc:
        raise ValueError(str(exc) or "not a whole zip archive") from exc


def _unpack(archive: zipfile.ZipFile, name: str, size_max: int) -> bytes:
    parts: list[bytes] = []
    with archive.open(name) as file:
        while part := file.read(_CHUNK):
            parts.append(part)
            if sum(map(len, parts)) > size_max:
                raise ValueError(f"{name}: larger than {size_text(size_max)}")
    return b"".join(parts)


def read_array(data: bytes) -> npt.NDArray[Any]:
    """Read an array in numpy's format ``.npy``; never run pickled code.

    Raises:
        ValueError: The bytes are no such array, or more or fewer than its header says.
    """
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, is_fortran, dtype = read_header(file, max_header_size=_HEADER_MAX)
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or min(shape, default=0) < 0 or size != len(data) - file.tell():
            raise ValueError(f"{len(data)} bytes, but its header says {dtype} {shape}"[:200])
        values = np.frombuffer(data, dtype, math.prod(shape), file.tell())
        return values.reshape(shape, order="F" if is_fortran else "C")
    except _HEADER_ERRORS as exc:
        raise ValueError(f"not an array of numpy ({type(exc).__name__})") from exc
