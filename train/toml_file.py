"""Read a TOML file of the workstation: sources, a recipe, or the facts of a card."""

from pathlib import Path
from typing import TypeVar

import msgspec

from kiosk.config.errors import describe_error
from kiosk.errors import DatasetError
from kiosk.files.bounded_file import read_file

Content = TypeVar("Content", bound=msgspec.Struct)


def read_toml_file(path: Path, content: type[Content], bytes_max: int) -> Content:
    """Read a file into its type.

    Args:
        path: The file.
        content: The type.
        bytes_max: A larger file is refused.

    Raises:
        DatasetError: The file cannot be read, is not TOML, or a key is wrong. The message names the
            file and the key, and says what is expected there.
    """
    try:
        tables = msgspec.toml.decode(read_file(path, bytes_max))
    except OSError as exc:
        raise DatasetError(f"{path}: cannot be read ({exc.strerror})") from exc
    except (msgspec.DecodeError, ValueError, RecursionError) as exc:
        raise DatasetError(f"{path}: not valid TOML: {exc}") from exc
    try:
        return msgspec.convert(tables, content)
    except msgspec.ValidationError as exc:
        raise DatasetError(f"{path}: {describe_error(str(exc), content)}") from exc
