"""What the register has said last, kept in a file."""

from pathlib import Path

import pytest

from kiosk.daemon.news.kept_file import KeptFile
from kiosk.errors import PayloadError


def read(content: bytes) -> str:
    """Accept anything but one word."""
    if content == b"wrong":
        raise PayloadError("not a message")
    return content.decode()


def test_what_was_saved_last_is_loaded(tmp_path: Path) -> None:
    """For the owner alone; without a file, nothing is known."""
    file = KeptFile(tmp_path / "news.json", 99)
    assert file.load(read) is None
    file.save(b"one")
    file.save(b"two")
    assert file.load(read) == "two"
    assert file.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"wrong", b"x" * 100, None], ids=["wrong", "large", "folder"])
def test_what_cannot_be_used_is_logged_and_left(
    content: bytes | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The kiosk starts without it."""
    path = tmp_path / "news.json"
    path.mkdir() if content is None else path.write_bytes(content)
    assert KeptFile(path, 99).load(read) is None
    (line,) = caplog.messages
    assert line.startswith(f"{path}: not used, until the register sends it again (")


def test_a_disk_that_cannot_be_written_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The message counts until the next start."""
    KeptFile(tmp_path / "absent" / "news.json", 99).save(b"one")
    (line,) = caplog.messages
    assert "cannot be written, so it is lost at the next start (No such file" in line
