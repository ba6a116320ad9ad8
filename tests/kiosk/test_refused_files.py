"""Files that the system refuses: closed, with too long a name, on a full disk; one line of each."""

import os
import re
from pathlib import Path

import pytest

from kiosk.__main__ import main
from kiosk.files.presence import is_folder, is_seen, may_exist
from kiosk.recognition.gallery import Gallery, save_gallery
from tests.support import close_folder, write_config
from tests.support_recognition import embedding, small_bundle

LONG = "a" * 300


@pytest.fixture
def config(bundle_path: Path, tmp_path: Path) -> Path:
    """A configuration of files in the folder "files", and of a broker that is not there."""
    files = tmp_path / "files"
    for name in ("state", "lists", "class/s-2"):
        (files / name).mkdir(parents=True)
    (files / "class/s-2/a.jpg").touch()
    (files / "list.csv").write_text("subject_id,name,files\ns-2,,lists/a.jpg\n")
    people = {"s-1": embedding(1)[None]}
    save_gallery(files / "state/gallery.npz", Gallery(small_bundle().card.model_id, people))
    config = write_config(tmp_path, bundle_path, '[mqtt]\nhost = "127.0.0.1"\nport = 1\n')
    text = config.read_text().replace(f"{tmp_path}/state", f"{files}/state")
    config.write_text(text.replace(f"{tmp_path}/roster", f"{files}/lists/roster"))
    return config


def test_a_file_that_cannot_be_seen_may_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what the system calls absent is absent; nothing is raised."""
    (tmp_path / "in").mkdir()
    files = [tmp_path / "in", tmp_path / "no", tmp_path / "in/no/no", tmp_path / LONG, Path("\0")]
    close_folder(monkeypatch, tmp_path / "in")
    assert [may_exist(one) for one in files] == [True, False, True, True, True]
    assert [is_seen(one) for one in files] == [True, False, False, False, False]
    assert [is_folder(one) for one in files] == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("line", "closed", "expected"),
    [
        ("enrol s-2 a.jpg --name Ada", "lists", "roster.csv: cannot be read"),
        ("enrol --folder class", "state", "gallery.npz: cannot be read"),
        ("enrol --folder class --summary lists/in/a.json", "lists", "a.json cannot be written"),
        ("enrol --list list.csv", "state", "gallery.npz: cannot be read"),
        ("gallery list", "state", "gallery.npz: cannot be read"),
        ("gallery import lists/a.npz", "lists", "a.npz: cannot be read"),
        ("gallery remove s-1", "state", "gallery.npz: cannot be followed"),
        ("bench --video lists/a.mp4", "lists", "a.mp4: cannot be read"),
        ("watch", "lists", "roster.csv: cannot be read"),
    ],
)
def test_a_closed_folder_is_one_line(
    line: str,
    closed: str,
    expected: str,
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whichever command looks into it says which file it may not read, and why."""
    folder = config.parent / "files"
    close_folder(monkeypatch, folder / closed)
    monkeypatch.chdir(folder)
    assert main([*line.split(), "--config", str(config)]) in {65, 78}
    said = capsys.readouterr().err
    problem = re.escape(f"{expected.format(state=folder / 'state')} (Permission denied)")
    assert re.search(rf"^kiosk: .*{problem}$", said, re.MULTILINE), said


@pytest.mark.parametrize("line", ["retire", "reload", "status"])
def test_a_service_that_cannot_be_asked_is_not_one_that_does_not_run(
    line: str, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who may not look into the kiosk's folder learns that, and what helps."""
    folder = config.parent / "files"
    close_folder(monkeypatch, folder)
    assert main([line, "--config", str(config)]) == 77
    said = f"{folder / 'state/status.json'}: Permission denied; try again with sudo"
    assert capsys.readouterr().err == f"kiosk: {said}\n"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"gallery import {LONG}", 65),
        (f"bench --video {LONG}", 65),
        (f"enrol --folder class --summary {LONG}.json", 78),
        (f"watch --roster {LONG}", 65),
    ],
)
def test_a_name_that_is_too_long_is_one_line(
    line: str,
    code: int,
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The system's reason stands behind the name."""
    monkeypatch.chdir(config.parent / "files")
    assert main([*line.split(), "--config", str(config)]) == code
    assert "(File name too long)" in capsys.readouterr().err


def test_a_long_cell_of_photos_is_no_name(
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Forty photos of a person in one cell of a list are tried one by one."""
    files = ";".join(f"photo-{number}.jpg" for number in range(40))
    (tmp_path / "list.csv").write_text(f"subject_id,name,files\ns-2,,{files}\n")
    monkeypatch.chdir(tmp_path)
    assert main(["enrol", "--list", "list.csv", "--config", str(config)]) == 65
    out = capsys.readouterr().out
    assert "photo-0.jpg: cannot be read (No such file" in out
    assert "photo-39.jpg: cannot be read (No such file" in out


@pytest.mark.parametrize("name", ["closed/in", LONG])
def test_a_check_goes_on_after_a_path_that_cannot_be_seen(
    name: str,
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Roster and camera have their faults, and the other lines are there, too."""
    (tmp_path / "closed").mkdir()
    path = tmp_path / name
    text = config.read_text().replace(f"{tmp_path}/files/lists/roster.csv", str(path))
    config.write_text(f'{text}[camera]\nbackend = "replay"\nsource = "{path}"\n')
    close_folder(monkeypatch, tmp_path / "closed")
    assert main(["check", "--config", str(config)]) == 65
    lines = {line.split()[1]: line for line in capsys.readouterr().out.splitlines()}
    assert re.match(rf"warning  roster .*{path}: cannot be read \(", lines["roster"])
    assert re.match(rf"fault    camera .*{path}: cannot be read \(", lines["camera"])
    assert lines["gallery"].endswith("1 person enrolled")
    assert "clock" in lines


@pytest.mark.parametrize(
    "line", ["gallery export a.npz", "gallery rekey", "enrol --folder class --summary a.json"]
)
def test_a_full_disk_has_an_exit_code_of_its_own(
    line: str, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The content of no file is wrong, nor is the configuration."""

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.chdir(config.parent / "files")
    monkeypatch.setattr(os, "fsync", fail)
    assert main([*line.split(), "--config", str(config)]) == 74
    assert "(No space left on device)" in capsys.readouterr().err
