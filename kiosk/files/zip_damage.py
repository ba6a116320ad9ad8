"""What Python raises for a zip archive that is damaged, or that it cannot unpack."""

import zipfile
import zlib
from typing import Final

ZIP_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    OverflowError,
    ValueError,  # an offset before the beginning
    IndexError,  # a file without a name
    NotImplementedError,  # a method of compression that Python lacks
    RuntimeError,  # a password, or a changed flag that says so
)
