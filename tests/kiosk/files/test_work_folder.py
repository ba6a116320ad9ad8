"""The folder of one command, when the command ends in any way."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kiosk.files.work_folder import work_folder

REPOSITORY = Path(__file__).parents[3]
_COMMAND = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
from kiosk.files.work_folder import work_folder
with work_folder("work-", Path(sys.argv[1])) as folder:
    (folder / "face").write_text("a face")
    print(folder, flush=True)
    time.sleep(60)
"""

Start = Callable[[], tuple["subprocess.Popen[str]", Path]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a command that holds a folder; return it and the folder."""
    running: list[subprocess.Popen[str]] = []

    def command() -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, str(tmp_path)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    yield command
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -2)])
def test_a_signal_removes_the_folder(number: signal.Signals, code: int, start: Start) -> None:
    """The exit code is the one that a shell shows for the signal."""
    process, folder = start()
    assert (folder / "face").exists()
    process.send_signal(number)
    assert process.wait(30) == code
    assert not folder.exists()


def test_what_a_killed_command_left_is_removed_by_the_next(start: Start, tmp_path: Path) -> None:
    """The folder of a command that still runs stays, and so does all with another name."""
    process, left = start()
    _, in_use = start()
    process.kill()
    process.wait(30)
    (tmp_path / "other").mkdir()
    (tmp_path / "work-link").symlink_to(tmp_path / "other")
    assert left.exists()
    with work_folder("work-", tmp_path):
        assert not left.exists()
        assert (in_use / "face").exists()
    assert {one.name for one in tmp_path.iterdir()} == {in_use.name, "other", "work-link"}


def test_a_thread_has_such_a_folder_too(tmp_path: Path) -> None:
    """Only the main thread may handle signals; the handler of before is in place again."""
    found: list[bool] = []

    def use() -> None:
        with work_folder("work-", tmp_path) as folder:
            found.append(folder.is_dir())

    before = signal.getsignal(signal.SIGTERM)
    use()
    assert signal.getsignal(signal.SIGTERM) is before
    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert found == [True, True]
    assert not list(tmp_path.iterdir())
