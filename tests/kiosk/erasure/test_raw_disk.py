"""What a disk still holds after an erasure, read block by block: ext4 in a file."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.config.keys import Config, StateSection
from kiosk.people.keyring import Keyring
from kiosk.recognition.gallery import save_gallery
from tests.kiosk.erasure.support import enrolled, erase, gallery_of, roster

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("mkfs.ext4") is None,
        reason="only root can mount a file, and mkfs.ext4 must be there",
    ),
]


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """An empty file system of 16 MB."""
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    return image


@pytest.fixture
def config(disk: Path, tmp_path: Path) -> Iterator[Config]:
    """A kiosk whose files are on that disk."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-o", "loop", disk, folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no loop device: {mounted.stderr.decode().strip()}")
    state = StateSection(directory=str(folder), roster=str(folder / "roster.csv"))
    yield Config(state=state)
    subprocess.run(["umount", folder], check=True)


def holds(disk: Path, what: bytes) -> bool:
    """Whether a block of the disk has these bytes, after everything was written."""
    os.sync()
    return what in disk.read_bytes()


@pytest.mark.parametrize("kind", ["plain", "encrypted"])
def test_no_block_has_template_name_or_old_key(kind: str, config: Config, disk: Path) -> None:
    """Neither of a gallery that an earlier version wrote, nor of an encrypted one."""
    gallery = gallery_of("s-1", "s-2")
    if kind == "plain":
        save_gallery(config.gallery_path, gallery)
    else:
        enrolled(config, "s-1", "s-2")
    roster(config, "s-1,Ada Lovelace\ns-2,Bob\n")
    template = gallery.templates["s-1"].tobytes()
    key_file = Keyring.of(config).path
    key = key_file.read_bytes().strip() if kind == "encrypted" else template
    assert holds(disk, template) == (kind == "plain")
    assert holds(disk, key)
    assert holds(disk, b"Lovelace")
    assert erase(config, "s-1").failed == []
    assert not any(holds(disk, what) for what in (template, key, b"Lovelace"))
    assert holds(disk, key_file.read_bytes().strip())
