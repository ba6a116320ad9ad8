"""What a Linux machine tells about itself: temperature, power supply, disk."""

import os
from pathlib import Path
from typing import Final

_SYS: Final = Path("/sys")


def temperature_c(sys: Path = _SYS) -> float | None:
    """Return the processor's temperature, °C; ``None`` where the machine does not tell it."""
    text = _read(sys / "class/thermal/thermal_zone0/temp")
    try:
        return round(int(text) / 1000, 1)
    except ValueError:
        return None


def is_under_voltage(sys: Path = _SYS) -> bool | None:
    """Return whether the power supply is too weak now; only a Raspberry Pi tells it."""
    for monitor in sorted(sys.glob("class/hwmon/hwmon*")):
        if _read(monitor / "name") == "rpi_volt":
            alarm = _read(monitor / "in0_lcrit_alarm")
            return alarm == "1" if alarm else None
    return None


def free_mb(folder: Path) -> int | None:
    """Return the free space of a folder's file system, MB; ``None`` if it cannot be read."""
    try:
        state = os.statvfs(folder)
    except OSError:
        return None
    return state.f_bavail * state.f_frsize // 1_000_000


def _read(path: Path) -> str:
    """Return a file's text without white space around it; "" where there is none."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
