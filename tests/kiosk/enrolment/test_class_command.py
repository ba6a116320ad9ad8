"""Enrolling a class at once."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kiosk.config.keys import Config, load_config
from kiosk.demo.sample_people import enrolment_photos
from kiosk.enrolment import class_command
from kiosk.enrolment.class_command import Progress, run_class
from kiosk.enrolment.group import Outcome
from kiosk.errors import ConfigError, GalleryModelError
from kiosk.gallery.manage import list_people
from kiosk.people.roster import load_roster
from kiosk.recognition.gallery import save_gallery
from tests.kiosk.gallery.test_manage import enrolled, gallery_of, subjects
from tests.support import needs_photos, write_config
from tests.support_recognition import picture, write_folder

Run = Callable[..., int]


@pytest.fixture
def run(config: Config, tmp_path: Path) -> Run:
    """Enrol the class in the folder "class"; options can be replaced."""
    options = {"folder": tmp_path / "class", "list_file": None}
    return lambda **more: run_class(config, **{**options, **more})


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A class of two people, one file that is no photo, and one person without a face."""
    folder = tmp_path / "class"
    folder.mkdir()
    for who, person, count in (("s-1", "orl-s12", 3), ("s-3", "orl-s30", 1)):
        pictures = [picture(photo) for photo in enrolment_photos(person)[:count]]
        write_folder(folder / who, pictures)
    (folder / "s-2").mkdir()
    (folder / "s-2" / "a.jpg").write_text("no picture")
    (folder / "s-3" / "b.jpg").write_text("no picture")
    return folder


@needs_photos
def test_one_person_who_fails_does_not_stop_the_others(
    config: Config, run: Run, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is one line for each person, then the counts; the exit code tells of a failure."""
    assert run() == 65
    assert list_people(config) == {"s-1": 3, "s-3": 1}
    one, two, three, end = capsys.readouterr().out.splitlines()
    assert one == "s-1: 3 templates"
    assert two.startswith(f"s-2: not enrolled: no usable picture ({photos}/s-2/a.jpg: unreadable")
    assert three.startswith(f"s-3: 1 template; rejected {photos}/s-3/b.jpg: unreadable")
    assert "usable pictures of s-3: 1" in three
    assert end == "2 enrolled, 1 not enrolled"


@needs_photos
def test_a_class_in_which_everybody_is_enrolled_ends_with_0(run: Run, photos: Path) -> None:
    """A second run replaces the same faces, and needs no --replace."""
    (photos / "s-2" / "a.jpg").unlink()
    (photos / "s-2").rmdir()
    assert [run(), run()] == [0, 0]


@needs_photos
def test_a_list_gives_names(config: Config, run: Run, photos: Path, tmp_path: Path) -> None:
    """Names go to the roster, except of a person who could not be enrolled."""
    rows = f"s-1,Ada,{photos}/s-1\ns-2,Ben,{photos}/s-2\n"
    (tmp_path / "list.csv").write_text(f"subject_id,name,files\n{rows}")
    assert run(folder=None, list_file=tmp_path / "list.csv") == 65
    assert dict(load_roster(Path(config.state.roster)).names) == {"s-1": "Ada"}


@needs_photos
@pytest.mark.parametrize("ending", [".json", ".csv"])
def test_the_summary_has_everybody(ending: str, run: Run, photos: Path, tmp_path: Path) -> None:
    """It has ids, reasons and photo files, and no names; only its owner can read it."""
    path = tmp_path / f"summary{ending}"
    run(summary=path)
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    rows = json.loads(text) if ending == ".json" else list(csv.DictReader(io.StringIO(text)))
    assert [(row["subject"], str(row["enrolled"])) for row in rows] == [
        ("s-1", "True"),
        ("s-2", "False"),
        ("s-3", "True"),
    ]
    assert "no usable picture" in rows[1]["reason"]
    assert f"{photos}/s-3/b.jpg" in str(rows[2]["rejected"])


@needs_photos
def test_an_interrupted_class_has_a_summary(
    config: Config, run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C the people before it are enrolled and in the summary."""
    real = class_command.line

    def interrupt(outcome: Outcome) -> str:
        if outcome.subject_id == "s-2":
            raise KeyboardInterrupt
        return real(outcome)

    monkeypatch.setattr(class_command, "line", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(summary=tmp_path / "s.json")
    assert subjects(config) == ["s-1"]
    assert [row["subject"] for row in json.loads((tmp_path / "s.json").read_text())] == [
        "s-1",
        "s-2",
    ]
    assert photos.exists()


@needs_photos
def test_the_outcome_can_be_json(
    run: Run, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One object has the counts and everybody; a taken id is refused unless --replace is given."""
    run()
    write_folder(photos / "new", [picture(enrolment_photos("orl-s08")[0])])
    (photos / "s-1").rename(photos / "s-4")
    (photos / "new").rename(photos / "s-1")
    capsys.readouterr()
    assert run(as_json=True) == 65
    found = json.loads(capsys.readouterr().out)
    assert (found["enrolled"], found["failed"]) == (2, 2)
    assert "enrolled with another face" in found["people"][0]["reason"]
    run(as_json=True, may_replace=True)
    assert json.loads(capsys.readouterr().out)["people"][0]["replaced"] == "another face"


def test_files_beside_the_folders_are_listed(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A photo in no id's folder is reported; an id that is no id fails alone."""
    (tmp_path / "class" / "Ada Lovelace").mkdir(parents=True)
    (tmp_path / "class" / "a.jpg").touch()
    (tmp_path / "class" / "s-1").mkdir()
    (tmp_path / "class" / "s-1" / "a.txt").touch()
    assert run() == 65
    printed = capsys.readouterr()
    assert (
        "Ada Lovelace: not enrolled: subject id 'Ada Lovelace': expected at most 64 letters"
        in printed.out
    )
    assert f"given); left out {tmp_path}/class/s-1/a.txt: not the ending" in printed.out
    assert printed.err == f"left out {tmp_path}/class/a.jpg: not in the folder of an id\n"


def test_nothing_begins_with_wrong_options(
    config: Config, run: Run, bundle_path: Path, tmp_path: Path
) -> None:
    """Two sources, a summary that cannot be written, and names without a roster are errors."""
    (tmp_path / "class" / "s-1").mkdir(parents=True)
    (tmp_path / "list.csv").write_text("subject_id,name,files\ns-1,Ada,a.jpg\n")
    with pytest.raises(ConfigError, match="one of the two"):
        run(list_file=tmp_path / "list.csv")
    for name, says in (("s.txt", "ends in .json or .csv"), ("no/s.csv", "its folder is absent")):
        with pytest.raises(ConfigError, match=f"--summary: .*{says}"):
            run(summary=tmp_path / name)
    path = write_config(tmp_path, bundle_path)
    path.write_text(path.read_text().replace("roster", "# roster"))
    with pytest.raises(ConfigError, match=r"state\.roster: needed"):
        run_class(load_config(path), folder=None, list_file=tmp_path / "list.csv")
    enrolled(config, "s-0")
    save_gallery(config.gallery_path, gallery_of("s-0", model_id="other"))
    with pytest.raises(GalleryModelError):
        run()


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("list.csv", "the list that --list names"),
        ("link.csv", "the list that --list names"),
        ("roster.csv", "the roster"),
        ("state/erased.json", "the list of erased people"),
    ],
)
def test_a_summary_replaces_no_file_of_the_kiosk(
    name: str, what: str, config: Config, run: Run, tmp_path: Path
) -> None:
    """It is refused before anybody is enrolled, and the list stays as it was."""
    enrolled(config, "s-0")
    names = tmp_path / "list.csv"
    names.write_text("subject_id,name,files\ns-1,Ada,a.jpg\n")
    (tmp_path / "link.csv").symlink_to(names)
    with pytest.raises(ConfigError, match=f"^--summary: .*/{name}: this is {what}; nothing was"):
        run(folder=None, list_file=names, summary=tmp_path / name)
    assert names.read_text() == "subject_id,name,files\ns-1,Ada,a.jpg\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_is_for_a_terminal_alone() -> None:
    """On a terminal the bar is drawn and erased; a file or pipe gets nothing."""
    terminal, pipe = Terminal(), io.StringIO()
    for out in (terminal, pipe):
        progress = Progress(out, 30)
        progress.show(10)
        progress.clear()
    assert terminal.getvalue() == f"[{'#' * 10}{'-' * 20}] 10/30\r\x1b[K"
    assert pipe.getvalue() == ""


@needs_photos
@pytest.mark.slow
def test_the_command_enrols_a_class(config: Config, photos: Path, tmp_path: Path) -> None:
    """`kiosk enrol --folder` ends with 65 where somebody failed, and saves the summary."""
    options = ["--folder", str(photos), "--summary", str(tmp_path / "s.csv")]
    done = subprocess.run(
        [sys.executable, "-m", "kiosk", "enrol", *options, "--config", tmp_path / "kiosk.toml"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 65
    assert done.stdout.splitlines()[-1] == "2 enrolled, 1 not enrolled"
    assert sorted(list_people(config)) == ["s-1", "s-3"]
    assert (tmp_path / "s.csv").read_text().startswith("subject,enrolled,reason")
