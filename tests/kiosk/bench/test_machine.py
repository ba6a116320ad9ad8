"""The description of the machine, from a made-up /proc and from this machine's own."""

import os
import platform
from pathlib import Path

import pytest

from kiosk.bench.machine import describe_machine, filesystem

PI_CPUINFO = """\
processor\t: 0
BogoMIPS\t: 108.00
CPU implementer\t: 0x41
CPU part\t: {part}

Model\t\t: Raspberry Pi
"""
PC_CPUINFO = "processor\t: 0\nmodel name\t: A Processor @ 3 GHz\nflags\t\t: fpu vme\n"


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / "proc" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("part", "processor"),
    [("0xd03", "Cortex-A53"), ("0xd08", "Cortex-A72"), ("0xd0b", "Cortex-A76"), ("0xfff", "0xfff")],
)
def test_a_raspberry_pi_is_recognised_by_its_firmware(
    tmp_path: Path, part: str, processor: str
) -> None:
    """The zero byte after the board's name is removed; part numbers become core names."""
    root = write(tmp_path, cpuinfo=PI_CPUINFO.format(part=part), meminfo="MemTotal:  4050000 kB\n")
    board = root / "proc" / "device-tree"
    board.mkdir()
    (board / "model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    machine = describe_machine("numpy", root)
    assert machine.is_raspberry_pi
    assert machine.board == "Raspberry Pi 5 Model B Rev 1.0"
    assert machine.processor == processor
    assert machine.memory_mib == 3955


def test_a_workstation_is_not_a_raspberry_pi(tmp_path: Path) -> None:
    """Without a device tree the board has no name; the processor has its model name."""
    machine = describe_machine("numpy", write(tmp_path, cpuinfo=PC_CPUINFO))
    assert not machine.is_raspberry_pi
    assert machine.processor == "A Processor @ 3 GHz"


def test_another_board_is_not_a_raspberry_pi(tmp_path: Path) -> None:
    """A device tree with another name does not count as a Raspberry Pi."""
    root = write(tmp_path, **{"device-tree__model": "Radxa ROCK 5B\0"})
    machine = describe_machine("numpy", root)
    assert (machine.board, machine.is_raspberry_pi) == ("Radxa ROCK 5B", False)


def test_unknown_facts_have_placeholders(tmp_path: Path) -> None:
    """Without /proc the description has placeholders."""
    machine = describe_machine("no-such-package", tmp_path)
    assert (machine.processor, machine.memory_mib, machine.board) == ("unknown processor", 0, "")
    assert machine.packages["no-such-package"] == "not installed"


def test_this_machine_is_described() -> None:
    """Cores, Python and package versions are those in use."""
    machine = describe_machine("numpy")
    assert machine.cores == os.cpu_count()
    assert machine.python == platform.python_version()
    assert {"attendance-kiosk", "numpy", "opencv"} <= set(machine.packages)
    assert machine.memory_mib > 0


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/", "ext4"), ("/tmp/kiosk", "tmpfs"), ("/tmpfiles", "ext4"), ("/data/x", "btrfs")],
)
def test_the_nearest_mount_point_names_the_file_system(
    tmp_path: Path, folder: str, kind: str
) -> None:
    """The longest mount point above a folder counts; of two mounts on one point, the later."""
    mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\nx /data xfs rw 0 0\ny /data btrfs rw\n"
    root = write(tmp_path, self__mounts=mounts)
    assert filesystem(Path(folder), root) == kind


def test_an_unknown_file_system_has_no_name(tmp_path: Path) -> None:
    """Without a list of mounts the result is empty."""
    assert filesystem(tmp_path, tmp_path) == ""
