"""Places that a command writes to, checked before the work."""

from pathlib import Path

import pytest

from kiosk.errors import ConfigError
from train.places import check_out, make_folder


def test_a_folder_is_made_where_it_is_absent(tmp_path: Path) -> None:
    """One that is there stays as it is."""
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "a" / "b" / "file").touch()
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / "file").exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """The error says what is there, and what was expected."""
    (tmp_path / "run").touch()
    with pytest.raises(NotADirectoryError, match="a file, expected a folder"):
        make_folder(tmp_path / "run")


def test_an_output_is_a_file_in_a_folder(tmp_path: Path) -> None:
    """A folder in its place, and an absent one around it, are named with the option."""
    check_out("--grid", tmp_path / "grid.png")
    with pytest.raises(ConfigError, match=rf"^--grid: {tmp_path} is a folder, expected a file in"):
        check_out("--grid", tmp_path)
    absent = tmp_path / "absent" / "grid.png"
    with pytest.raises(ConfigError, match=rf"^--grid: {absent} cannot be written; its folder is"):
        check_out("--grid", absent)
