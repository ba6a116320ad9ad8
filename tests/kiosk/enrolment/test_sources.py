"""The people of a class: from a folder, and from a list."""

from pathlib import Path

import pytest

from kiosk.enrolment.sources import ClassPhotos, Person, people_in_folder, people_in_list
from kiosk.errors import ConfigError, RosterError
from kiosk.recognition.enrol import Rejected


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_each_sub_folder_is_a_person(tmp_path: Path) -> None:
    """Photos are sorted; what is not used is listed with the reason."""
    touch(tmp_path, "s-2/b.JPG", "s-2/a.heic", "s-2/notes.txt", "s-2/old/c.jpg", "s-1/a.png")
    touch(tmp_path, "read me.txt")
    one, two = tmp_path / "s-1", tmp_path / "s-2"
    left_out = (
        Rejected(str(two / "notes.txt"), "not the ending of a photo file"),
        Rejected(str(two / "old"), "a folder"),
    )
    assert people_in_folder(tmp_path) == ClassPhotos(
        people=(
            Person("s-1", (one / "a.png",)),
            Person("s-2", (two / "a.heic", two / "b.JPG"), left_out=left_out),
        ),
        left_out=(Rejected(str(tmp_path / "read me.txt"), "not in the folder of an id"),),
    )


def test_files_of_systems_are_ignored(tmp_path: Path) -> None:
    """Hidden files and folders, and those of macOS and Windows, are neither people nor photos."""
    touch(tmp_path, "s-1/a.jpg", "s-1/._a.jpg", "s-1/Thumbs.db", ".git/a.jpg", "__MACOSX/a.jpg")
    assert people_in_folder(tmp_path).people == (Person("s-1", (tmp_path / "s-1/a.jpg",)),)


def test_a_folder_without_sub_folders_is_an_error(tmp_path: Path) -> None:
    """A folder of one person's photos, and an absent folder, are named."""
    touch(tmp_path, "a.jpg")
    with pytest.raises(ConfigError, match=r"one sub-folder of photos for each id"):
        people_in_folder(tmp_path)
    for path in (tmp_path / "absent", tmp_path / "a.jpg"):
        with pytest.raises(ConfigError, match=f"{path}: cannot be read"):
            people_in_folder(path)


@pytest.mark.parametrize(
    "text",
    [
        "subject_id,name,files\ns-1,Ada,a 1.jpg,b.jpg\ns-2,,more\n",
        "subject_id,name,files\ns-1,Ada,a 1.jpg; b.jpg\ns-2,,more\n",
        "\ufeffsubject_id;name;files;\r\ns-1;Ada;a 1.jpg;b.jpg\r\ns-2;;more;\r\n;;;\r\n",
        "subject_id,name,files\ns-1,Ada,.\\a 1.jpg,b.jpg\ns-2,,more\n",
    ],
)
def test_a_list_names_people_and_their_files(text: str, tmp_path: Path) -> None:
    """Files stand in further cells or between semicolons; a folder stands for the photos in it."""
    touch(tmp_path, "a 1.jpg", "b.jpg", "more/c.jpg", "more/d.txt")
    (tmp_path / "list.csv").write_text(text)
    left_out = (Rejected(str(tmp_path / "more/d.txt"), "not the ending of a photo file"),)
    assert people_in_list(tmp_path / "list.csv").people == (
        Person("s-1", (tmp_path / "a 1.jpg", tmp_path / "b.jpg"), "Ada"),
        Person("s-2", (tmp_path / "more/c.jpg",), None, left_out),
    )


def test_a_path_of_a_list_may_begin_with_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tilde stands for the home folder; an absent file stays, to be reported later."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "list.csv").write_text("subject_id,name,files\ns-1,,~/a.jpg\n")
    (person,) = people_in_list(tmp_path / "list.csv").people
    assert person.photos == (tmp_path / "home/a.jpg",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("subject_id,name\ns-1,Ada\n", r"list\.csv:1: .* expected the line: subject_id,name,files"),
        ("subject_id,name,files\n", "nobody is on the list"),
        ("subject_id,name,files\ns-1,,a.jpg\ns-1,,b.jpg\n", r"list\.csv:3: .*twice"),
    ],
)
def test_a_malformed_list_is_named(text: str, says: str, tmp_path: Path) -> None:
    """A wrong header, an empty list and an id in two rows stop the command before it begins."""
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(RosterError, match=says):
        people_in_list(tmp_path / "list.csv")


def test_a_row_without_files_is_a_person_without_photos(tmp_path: Path) -> None:
    """Such a person is reported with the others, and does not stop them."""
    (tmp_path / "list.csv").write_text("subject_id,name,files\ns-1\ns-2,Ben\n")
    assert people_in_list(tmp_path / "list.csv").people == (
        Person("s-1", ()),
        Person("s-2", (), "Ben"),
    )
