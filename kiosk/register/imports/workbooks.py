"""Files of a spreadsheet program, which are no CSV: recognised to say what to do instead."""

import io
import zipfile
from typing import Final

from kiosk.files.zip_damage import ZIP_DAMAGE
from kiosk.register.imports.outcome import Remark

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""What Excel's files before 2007 begin with, and newer ones with a password."""
_ZIP: Final = b"PK\x03\x04"
_SHEET: Final = b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet"
_SHEET_AT: Final = 30
"""Where a zip has name and content of its first file."""


def workbook_problem(data: bytes, file: str) -> Remark | None:
    """Return what to do with a workbook; ``None`` for any other file."""
    if data.startswith(_OLE) or (data.startswith(_ZIP) and _has_excel_parts(data)):
        return Remark(file, 0, "", "an Excel workbook; save it as CSV (UTF-8)")
    if data.startswith(_ZIP) and data[_SHEET_AT:].startswith(_SHEET):
        return Remark(file, 0, "", "an OpenDocument spreadsheet; save it as CSV (UTF-8)")
    return None


def _has_excel_parts(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except ZIP_DAMAGE:
        return False
