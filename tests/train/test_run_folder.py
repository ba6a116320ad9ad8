"""A run folder belongs to one configuration and holds one history."""

from pathlib import Path

import pytest

from kiosk.errors import DatasetError
from train.run_folder import read_history, write_history, write_or_check_config


def test_a_new_folder_gets_the_configuration(tmp_path: Path) -> None:
    """The folder is created, and the same configuration is accepted again."""
    for _ in range(2):
        write_or_check_config(tmp_path / "a" / "run", {"epochs": 3})
    assert (tmp_path / "a" / "run" / "config.json").read_text() == '{\n "epochs": 3\n}\n'


def test_a_folder_of_another_run_is_rejected(tmp_path: Path) -> None:
    """The error names the file and what to do, and the file stays unchanged."""
    write_or_check_config(tmp_path, {"epochs": 3})
    with pytest.raises(DatasetError, match=r"config\.json: another run .*choose a new run folder"):
        write_or_check_config(tmp_path, {"epochs": 4})
    assert "3" in (tmp_path / "config.json").read_text()


def test_a_folder_without_a_history_has_no_epochs(tmp_path: Path) -> None:
    """A history is empty before it is written, and is read back afterwards."""
    assert read_history(tmp_path) == []
    write_history(tmp_path, [{"epoch": 1.0, "loss": 0.5}])
    assert read_history(tmp_path) == [{"epoch": 1.0, "loss": 0.5}]


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    """The words "File exists" would not say what is wrong."""
    (tmp_path / "run").touch()
    said = rf"^{tmp_path}/run: cannot be made \(a file, expected a folder\)$"
    with pytest.raises(DatasetError, match=said):
        write_or_check_config(tmp_path / "run", {})
