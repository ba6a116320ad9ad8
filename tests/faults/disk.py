"""A small volume whose power can be cut: ext4 on a block device that is copied in one instant.

The block device (loop) is a file on btrfs, and the copy a clone of that file (FICLONE), which waits
for a write in progress and then holds back the next one. So it has everything that the device had
been given at that moment and nothing later, in the middle of an fsync, too. It does not show what
a device loses that acknowledges a flush and has not written.
"""

import fcntl
import subprocess
from pathlib import Path
from typing import Final

_FICLONE: Final = 0x40049409
_POOL_BYTES: Final = 512 * 2**20
_VOLUME_BYTES: Final = 32 * 2**20


class DiskError(Exception):
    """This machine cannot make such a volume."""


class Disk:
    """The volume.

    Args:
        folder: Where its files are.
        mounted: Where it is mounted; an empty folder.

    Raises:
        DiskError: This machine cannot make it.
    """

    def __init__(self, folder: Path, mounted: Path) -> None:
        self._mounted = mounted
        self._pool = folder / "pool"
        self._pool.mkdir()
        try:
            with (folder / "pool.img").open("wb") as file:
                file.truncate(_POOL_BYTES)
            _do("mkfs.btrfs", "-q", str(folder / "pool.img"))
            _do("mount", "-o", "loop", str(folder / "pool.img"), str(self._pool))
        except (OSError, subprocess.CalledProcessError) as exc:
            message = "a block device cannot be copied here (root may, with btrfs-progs)"
            raise DiskError(message) from exc
        self._device = self._pool / "device"
        with self._device.open("wb") as file:
            file.truncate(_VOLUME_BYTES)
        _do("mkfs.ext4", "-q", str(self._device))
        self._mount()

    def copy(self) -> None:
        """Copy the device as it is at this moment."""
        with self._device.open("rb") as now, (self._pool / "copy").open("wb") as copy:
            fcntl.ioctl(copy, _FICLONE, now.fileno())

    def power_up(self) -> None:
        """Go on with the copy, as after a power cut in that moment; nobody may use the volume.

        Raises:
            subprocess.CalledProcessError: The file system is damaged after its journal was applied.
        """
        _do("umount", str(self._mounted))
        (self._pool / "copy").replace(self._device)
        self._mount()  # applies the journal
        _do("umount", str(self._mounted))
        _do("e2fsck", "-fn", str(self._device))
        self._mount()

    def close(self) -> None:
        """Unmount everything, even while it is in use."""
        for place in (self._mounted, self._pool):
            subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)

    def _mount(self) -> None:
        _do("mount", "-o", "loop", str(self._device), str(self._mounted))


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
