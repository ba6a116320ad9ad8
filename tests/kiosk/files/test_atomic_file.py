"""Atomic writes: the old file or the new one, never half a file."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.files.atomic_file import atomic_write, delete_wiped, real_path


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


def test_the_new_file_replaces_the_old_one_at_the_end(path: Path) -> None:
    """Inside the block the old content is there, after it the new; nothing else is left."""
    with atomic_write(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, ValueError])
def test_an_interrupted_write_keeps_the_old_file(path: Path, error: type[BaseException]) -> None:
    """Whatever ends the block early, the partial file replaces nothing and is removed."""

    def write_half() -> None:
        with atomic_write(path) as partial:
            partial.write_text("ne")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_sync_keeps_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content is synchronised before the old file is replaced."""
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"), atomic_write(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_the_file_and_its_folder_are_synchronised(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the folder, a power cut could bring the old file back."""
    synchronised: list[Path] = []
    monkeypatch.setattr(
        os, "fsync", lambda number: synchronised.append(Path(f"/proc/self/fd/{number}").readlink())
    )
    with atomic_write(path) as partial:
        partial.write_text("new")
    assert synchronised == [path.with_name(".partial-history.csv"), path.parent]


@pytest.mark.usefixtures("usual_umask")
@pytest.mark.parametrize(("asked", "given"), [(0o666, 0o644), (0o640, 0o640), (0o600, 0o600)])
def test_the_file_has_the_given_mode_from_the_start(path: Path, asked: int, given: int) -> None:
    """The mode, less the umask, is set before the first byte, whatever the old file's was."""
    path.chmod(0o666)
    with atomic_write(path, asked) as partial:
        assert partial.stat().st_mode & 0o777 == given
    assert path.stat().st_mode & 0o777 == given


@pytest.mark.usefixtures("usual_umask")
def test_a_leftover_partial_file_is_replaced(path: Path) -> None:
    """A partial file that a power cut left gives neither its content nor its permissions."""
    left = path.with_name(".partial-history.csv")
    left.write_text("half a file of last time")
    left.chmod(0o666)
    with atomic_write(path, 0o600) as partial:
        assert partial.read_bytes() == b""
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_the_partial_file_has_the_same_suffix(path: Path) -> None:
    """Writers that choose the format by the name (Keras, OpenCV) work unchanged."""
    with atomic_write(path) as partial:
        assert partial.name.endswith("history.csv")
        assert partial.parent.resolve() == path.parent


def test_a_link_stays_and_its_file_is_replaced(path: Path, tmp_path: Path) -> None:
    """Also through a second link, and where the file is still absent; a circle is an error."""
    (tmp_path / "elsewhere").mkdir()
    second, first = tmp_path / "elsewhere" / "second", tmp_path / "first"
    second.symlink_to("../history.csv")
    first.symlink_to(second)
    with atomic_write(first) as partial:
        assert partial.parent.resolve() == path.parent
        partial.write_text("new")
    assert (path.read_text(), first.is_symlink(), second.is_symlink()) == ("new", True, True)
    path.unlink()
    assert real_path(first).resolve() == path
    path.symlink_to(first)
    with pytest.raises(OSError, match="Too many levels"):
        real_path(first)


def test_a_pipe_or_a_folder_is_not_replaced(tmp_path: Path) -> None:
    """Root, who exports to /dev/null, must find it there afterwards."""
    pipe, folder = tmp_path / "pipe", tmp_path / "folder"
    os.mkfifo(pipe)
    folder.mkdir()
    for one in (pipe, folder):
        with pytest.raises(OSError, match="not a regular file"), atomic_write(one):
            pytest.fail("nothing can be written")
    assert pipe.is_fifo()
    assert folder.is_dir()
    assert sorted(tmp_path.iterdir()) == [folder, pipe]


def test_the_old_content_can_be_overwritten(path: Path) -> None:
    """With ``wipe`` zeros replace it on the disk, unless the file has another name."""
    with path.open("rb") as old:
        with atomic_write(path, wipe=True) as partial:
            partial.write_text("new")
        assert old.read() == bytes(3)
    os.link(path, other := path.with_name("other"))
    with atomic_write(path, wipe=True) as partial:
        partial.write_text("newer")
    assert other.read_text() == "new"
    with path.open("rb") as old:
        delete_wiped(path)
        assert old.read() == bytes(5)
    delete_wiped(path)


def test_large_content_is_overwritten_to_its_end(path: Path) -> None:
    """The zeros are written piece by piece, each behind the one before it."""
    size = (2 << 20) + 3
    path.write_bytes(b"x" * size)
    with path.open("rb") as old:
        delete_wiped(path)
        assert old.read() == bytes(size)


def test_an_error_without_a_name_gets_that_of_the_file(path: Path) -> None:
    """Where a disk is full, the system does not say which file it was; a named one stays."""
    with pytest.raises(OSError, match="No space") as found, atomic_write(path):
        fail(0)
    assert found.value.filename == str(path)
    with pytest.raises(FileNotFoundError) as found, atomic_write(path):
        (path.parent / "absent").read_bytes()
    assert found.value.filename == str(path.parent / "absent")
