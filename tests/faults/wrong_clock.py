"""A clock that a test sets: so many seconds off, synchronised or not, of this boot or the next."""

import json
import uuid
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

from kiosk.clock import SystemClock


@dataclass(frozen=True, slots=True)
class Setting:
    """What a clock shows.

    Attributes:
        off_s: How far it is ahead of the right time, seconds.
        is_synchronised: What the kernel says of it.
        boot_id: The boot.
    """

    off_s: float = 0.0
    is_synchronised: bool = True
    boot_id: str = field(default_factory=lambda: str(uuid.uuid4()))


def set_clock(file: Path, setting: Setting) -> None:
    """Set the clock of a kiosk that runs, or will."""
    partial = file.with_suffix(".new")
    partial.write_text(json.dumps(asdict(setting)))
    partial.replace(file)


class WrongClock:
    """The clock of a machine.

    Args:
        file: How it is set; while there is none, it is the machine's own.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._system = SystemClock()

    def monotonic_s(self) -> float:
        """Return the seconds of the clock that never steps."""
        return self._system.monotonic_s()

    def utc(self) -> datetime:
        """Return the time of day that the clock shows."""
        setting = self._setting()
        return self._system.utc() + timedelta(seconds=setting.off_s if setting else 0.0)

    def synchronised(self) -> bool:
        """Return what the kernel says."""
        setting = self._setting()
        return setting.is_synchronised if setting else self._system.synchronised()

    def boot_id(self) -> str:
        """Return the boot."""
        setting = self._setting()
        return setting.boot_id if setting else self._system.boot_id()

    def sleep(self, duration_s: float, stop: Event | None = None) -> bool:
        """Wait."""
        return self._system.sleep(duration_s, stop)

    def _setting(self) -> Setting | None:
        return Setting(**json.loads(self._file.read_text())) if self._file.exists() else None
