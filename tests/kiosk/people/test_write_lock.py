"""The lock of the commands that write gallery and roster."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.config.keys import Config, StateSection
from kiosk.errors import GalleryError, InUseError
from kiosk.people import write_lock as module
from kiosk.people.write_lock import write_lock

HOLD = """
import sys, time
from kiosk.config.keys import Config, StateSection
from kiosk.people.write_lock import write_lock
with write_lock(Config(state=StateSection(directory=sys.argv[1])), "kiosk enrol"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_of(tmp_path)


def config_of(folder: Path) -> Config:
    return Config(state=StateSection(directory=str(folder)))


@pytest.fixture
def holder(config: Config) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, config.directory],
        env={**os.environ, "PYTHONPATH": str(Path(module.__file__).parents[2])},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_holder_is_named_after_a_bounded_wait(
    config: Config, holder: subprocess.Popen[str]
) -> None:
    """The error has the command and the process id of the holder, and asks for a second try."""
    expected = re.escape(
        f"{config.gallery_path}: `kiosk enrol` (process {holder.pid}) is writing it; "
    )
    with (
        pytest.raises(InUseError, match=f"^{expected}.*try again"),
        write_lock(config, "kiosk gallery remove", wait_s=0.1),
    ):
        pass


def test_a_killed_holder_frees_the_lock(config: Config, holder: subprocess.Popen[str]) -> None:
    """After kill -9 the next command gets the lock at once, and is the holder that is named."""
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    lock = config.gallery_path.with_name(".lock-gallery.npz")
    assert "kiosk enrol" in lock.read_text()
    with write_lock(config, "kiosk gallery remove", wait_s=0.1):
        assert lock.read_text() == f"`kiosk gallery remove` (process {os.getpid()})"
    assert lock.read_text() == ""


def test_a_command_waits_for_another_one(config: Config) -> None:
    """The second command gets the lock as soon as the first has ended."""
    held, ended = threading.Event(), []

    def first() -> None:
        with write_lock(config, "first"):
            held.set()
            time.sleep(0.2)
            ended.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    held.wait()
    with write_lock(config, "second"):
        ended.append("second")
    thread.join()
    assert ended == ["first", "second"]


def test_a_failure_frees_the_lock(config: Config) -> None:
    """An error within the block goes on to the caller, and the next command gets the lock."""

    def fail() -> None:
        with write_lock(config, "kiosk enrol"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert config.gallery_path.with_name(".lock-gallery.npz").read_text() == ""
    with write_lock(config, "kiosk enrol", wait_s=0.0):
        pass


def test_a_lock_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """An absent folder, and a link in place of the lock file, are errors that name the file."""
    (tmp_path / ".lock-gallery.npz").symlink_to(tmp_path / "elsewhere")
    for folder in (tmp_path / "absent", tmp_path):
        with (
            pytest.raises(GalleryError, match=r"\.lock-gallery\.npz: cannot be opened"),
            write_lock(config_of(folder), "kiosk enrol"),
        ):
            pass
    assert not (tmp_path / "elsewhere").exists()
