"""An erasure beside a real `kiosk run`."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.config.keys import Config, load_config
from kiosk.erasure.erase import erase_person
from kiosk.service_status import read_status
from tests.kiosk.erasure.support import attend, enrolled, erase, holding, places
from tests.support import write_config

REPOSITORY = Path(__file__).parents[3]
MORE = """
[mqtt]
host = "127.0.0.1"
port = 1
[camera]
backend = "fake-picamera2"
"""


@pytest.fixture
def config(tmp_path: Path, bundle_path: Path) -> Config:
    config = load_config(write_config(tmp_path, bundle_path, MORE))
    enrolled(config, "s-1", "s-2", "s-3", "s-4")
    attend(config, "s-1", "s-2")
    return config


@pytest.fixture
def kiosk(config: Config) -> Iterator[subprocess.Popen[bytes]]:
    """`kiosk run`, once it uses the gallery."""
    file = config.directory.with_name("kiosk.toml")
    command = [sys.executable, "-m", "kiosk", "run", "--config", str(file)]
    with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE) as process:
        while (status := read_status(config)) is None or not status.people:
            assert process.poll() is None
            time.sleep(0.02)
        yield process
        process.kill()


def test_a_running_kiosk_names_an_erased_person_no_longer(
    config: Config, kiosk: subprocess.Popen[bytes]
) -> None:
    """The command ends when the kiosk uses the new gallery, and says so if it does not."""
    assert erase_person(config, "s-1", events=True).kiosk == "in use"
    assert holding(config, "s-1") == []  # also in the log that the kiosk has open
    assert holding(config, "s-2")

    kiosk.send_signal(signal.SIGSTOP)
    silent = erase(config, "s-2")
    assert (silent.kiosk, places(silent)) == ("failed", ["running kiosk"])
    assert "systemctl restart kiosk" in silent.failed[0].reason
    kiosk.send_signal(signal.SIGCONT)
    assert erase_person(config, "s-2").kiosk == "in use"  # again: what was left

    file = config.directory.with_name("kiosk.toml")
    good = file.read_text()
    file.write_text(f"{good}[decision]\nfpir = 0.5\n")
    failed = erase_person(config, "s-3")
    assert (failed.kiosk, places(failed)) == ("failed", ["running kiosk"])
    file.write_text(good)
    again = erase_person(config, "s-3")
    assert (again.kiosk, again.was_erased, again.failed) == ("in use", True, [])

    kiosk.terminate()
    _, log = kiosk.communicate(timeout=10)
    assert kiosk.returncode == 0
    read = [line.rsplit(b": ", 1)[-1] for line in log.splitlines() if b"read again:" in line]
    assert list(dict.fromkeys(read)) == [b"3 people", b"2 people", b"1 person"]
    assert not any(f"s-{number}".encode() in log for number in range(1, 5))
    assert erase(config, "s-4").kiosk == "not running"
    assert len([*(config.directory / "erasures").iterdir()]) == 6
