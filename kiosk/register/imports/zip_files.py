"""Files of a zip archive, read within bounds."""

import io
import zipfile
from collections.abc import Mapping
from typing import Final

from kiosk.files.zip_damage import ZIP_DAMAGE
from kiosk.register.imports.csv_rows import BYTES_MAX
from kiosk.register.imports.outcome import Remark
from kiosk.register.imports.workbooks import workbook_problem

_FILES_MAX: Final = 100


def read_zip(data: bytes, file: str) -> Mapping[str, bytes] | Remark:
    """Return the files at the root of an archive by name, or why it cannot be read.

    No file is unpacked beyond :data:`BYTES_MAX`, whatever size the archive claims for it.
    """
    workbook = workbook_problem(data, file)
    if workbook is not None:
        return workbook
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = [one for one in archive.infolist() if not one.is_dir()]
            if len(infos) > _FILES_MAX:
                return Remark(file, 0, "", f"more than {_FILES_MAX} files")
            if any(one.flag_bits & 1 for one in infos):
                return Remark(file, 0, "", "the zip has a password; make one without")
            found = {}
            for info in infos:
                with archive.open(info) as stream:
                    found[info.filename] = stream.read(BYTES_MAX + 1)
    except ZIP_DAMAGE:
        return Remark(file, 0, "", "not a zip file, or a damaged one")
    if sum(map(len, found.values())) > 5 * BYTES_MAX:
        return Remark(file, 0, "", f"larger than {5 * BYTES_MAX // 1_000_000} MB unpacked")
    return found
