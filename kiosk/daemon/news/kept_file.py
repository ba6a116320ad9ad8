"""A file that keeps what the register has said last, for a start without a network."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kiosk.errors import PayloadError, UnusableFileError
from kiosk.files.atomic_file import atomic_write
from kiosk.files.bounded_file import read_file

_log = logging.getLogger(__name__)

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """Keeps one message. What cannot be read or written is logged, and the kiosk goes on.

    Attributes:
        path: The file.
        bytes_max: A larger file is not read.
    """

    path: Path
    bytes_max: int

    def load(self, read: Callable[[bytes], Content]) -> Content | None:
        """Return what the file says; ``None`` without one, or if it cannot be used.

        Args:
            read: Reads the content; it raises :class:`PayloadError` for what it does not accept.
        """
        try:
            return read(read_file(self.path, self.bytes_max))
        except FileNotFoundError:
            return None
        except (OSError, UnusableFileError, PayloadError) as exc:
            _log.warning("%s: not used, until the register sends it again (%s)", self.path, exc)
            return None

    def save(self, content: bytes) -> None:
        """Replace the content; what cannot be written is lost at the next start."""
        try:
            with atomic_write(self.path, 0o600, owner_of=self.path.parent) as partial:
                partial.write_bytes(content)
        except OSError as exc:
            reason = exc.strerror
            _log.warning(
                "%s: cannot be written, so it is lost at the next start (%s)", self.path, reason
            )
