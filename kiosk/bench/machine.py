"""Describe the machine: a figure without its machine means nothing."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import cv2
import msgspec

_BOARD: Final = "proc/device-tree/model"
_ARM_CORES: Final = {
    "0xd03": "Cortex-A53",
    "0xd08": "Cortex-A72",
    "0xd0b": "Cortex-A76",
}
"""The cores of Raspberry Pi 3 to 5, by part number in /proc/cpuinfo (from Arm's MIDR)."""


class Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A machine and the software on it.

    Attributes:
        board: Name of the board from the firmware (``Raspberry Pi 5 Model B Rev 1.0``); empty if
            unknown.
        processor: Model of the processor.
        cores: Number of processor cores.
        memory_mib: Main memory, MiB; 0 if unknown.
        system: Operating system and architecture.
        python: Version of Python.
        packages: Versions by package.
        load: Mean number of runnable processes in the last minute; up to one per core, none waits.
    """

    board: str
    processor: str
    cores: int
    memory_mib: int
    system: str
    python: str
    packages: dict[str, str]
    load: float

    @property
    def is_raspberry_pi(self) -> bool:
        """Whether this is a Raspberry Pi, the machine that the kiosk is made for."""
        return self.board.startswith("Raspberry Pi")


def describe_machine(runtime: str, root: Path = Path("/")) -> Machine:
    """Describe this machine.

    Args:
        runtime: The package that runs the model.
        root: Folder that contains ``proc``.
    """
    return Machine(
        board=_read(root / _BOARD).strip("\0\n "),
        processor=_processor(_read(root / "proc/cpuinfo")),
        cores=os.cpu_count() or 1,
        memory_mib=_memory_mib(_read(root / "proc/meminfo")),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        packages={
            "attendance-kiosk": _version("attendance-kiosk"),
            "numpy": _version("numpy"),
            "opencv": cv2.__version__,
            runtime: _version(runtime),
        },
        load=round(os.getloadavg()[0], 2),
    )


def filesystem(folder: Path, root: Path = Path("/")) -> str:
    """Return the type of the file system of a folder (``ext4``); empty if unknown."""
    parents = {str(path) for path in (folder.resolve(), *folder.resolve().parents)}
    mounts = [line.split() for line in _read(root / "proc/self/mounts").splitlines()]
    # The longest mount point above the folder counts; of two mounts on one point, the later.
    found = [(len(parts[1]), at) for at, parts in enumerate(mounts) if parts[1] in parents]
    return mounts[max(found)[1]][2] if found else ""


def _processor(cpuinfo: str) -> str:
    fields = dict(line.split(":", 1) for line in cpuinfo.splitlines() if ":" in line)
    facts = {key.strip(): value.strip() for key, value in fields.items()}
    part = facts.get("CPU part", "")
    return facts.get("model name") or _ARM_CORES.get(part) or part or "unknown processor"


def _memory_mib(meminfo: str) -> int:
    total = next((line for line in meminfo.splitlines() if line.startswith("MemTotal:")), "")
    return int(total.split()[1]) // 1024 if total else 0


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
