"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.atomic_file import atomic_write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that holds "old"."""
    path = tmp_path / "history.csv"
    path.write_text("old")
    return path


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def fail(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_the_new_file_takes_the_place_of_the_old_one_at_the_end(path: Path) -> None:
    """Inside the block the old content is there, after it the new, and nothing else is left."""
    with atomic_write(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, ValueError])
def test_an_interrupted_write_leaves_the_old_file_alone(
    path: Path, error: type[BaseException]
) -> None:
    """Whatever ends the block early, half a file neither replaces the old one nor stays."""

    def write_half() -> None:
        with atomic_write(path) as partial:
            partial.write_text("ne")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_does_not_reach_the_disk_replaces_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The content is synchronised before the old file goes."""
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"), atomic_write(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_the_file_and_its_new_name_reach_the_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is synchronised, then the folder, without which a power cut brings the old back."""
    synchronised: list[Path] = []
    monkeypatch.setattr(
        os, "fsync", lambda number: synchronised.append(Path(f"/proc/self/fd/{number}").readlink())
    )
    with atomic_write(path) as partial:
        partial.write_text("new")
    assert synchronised == [path.with_name(".partial-history.csv"), path.parent]


@pytest.mark.usefixtures("usual_umask")
@pytest.mark.parametrize(("asked", "given"), [(0o666, 0o644), (0o640, 0o640), (0o600, 0o600)])
def test_the_mode_is_the_one_asked_for_from_the_start(path: Path, asked: int, given: int) -> None:
    """Less the umask, whatever the old file's was, and before the first byte is written."""
    path.chmod(0o666)
    with atomic_write(path, asked) as partial:
        assert partial.stat().st_mode & 0o777 == given
    assert path.stat().st_mode & 0o777 == given


@pytest.mark.usefixtures("usual_umask")
def test_what_a_power_cut_left_is_gone_with_the_next_write(path: Path) -> None:
    """Half a file of last time gives neither its content nor its permissions."""
    left = path.with_name(".partial-history.csv")
    left.write_text("half a file of last time")
    left.chmod(0o666)
    with atomic_write(path, 0o600) as partial:
        assert partial.read_bytes() == b""
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_the_partial_file_ends_in_the_same_name(path: Path) -> None:
    """Writers that go by the ending (Keras, OpenCV) write what they would."""
    with atomic_write(path) as partial:
        assert partial.name.endswith("history.csv")
        assert partial.parent == path.parent
