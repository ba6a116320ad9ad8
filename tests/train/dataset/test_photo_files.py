"""List the photos of folders and archives."""

import zipfile
from pathlib import Path

import pytest

from kiosk.errors import DatasetError
from train.dataset.photo_files import list_photos
from train.dataset.sources import Source


@pytest.mark.parametrize("name", ["photos", "photos.zip"])
def test_photos_in_no_folder_are_unnamed(tmp_path: Path, name: str) -> None:
    """In a source of loose photos only, every photo is unnamed."""
    (tmp_path / "photos").mkdir()
    for number in (2, 1):
        (tmp_path / "photos" / f"{number}.JPG").write_bytes(bytes([number]))
    (tmp_path / "photos" / "notes.txt").touch()
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in (tmp_path / "photos").iterdir():
            archive.write(path, path.name)
    files = list_photos([Source(name="s", path=name)], tmp_path)
    assert [(file.person, file.name, file.read()) for file in files] == [
        ("", "1.JPG", b"\1"), ("", "2.JPG", b"\2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (["class/Ana/1.jpg", "class/Bo/x/1.jpg"], [("Ana", "1.jpg"), ("Bo", "x/1.jpg")]),
        (["class/Ana/1.jpg", "__MACOSX/class/Ana/._1.jpg"], [("Ana", "1.jpg")]),
        (["Ana/1.jpg", "Ana/2.jpg"], [("Ana", "1.jpg"), ("Ana", "2.jpg")]),
        (["Ana/x/1.jpg", "Bo/1.jpg"], [("Ana", "x/1.jpg"), ("Bo", "1.jpg")]),
        (["class/Ana/1.jpg", "class/all.jpg"], [("Ana", "1.jpg"), ("", "all.jpg")]),
    ],
    ids=["packed with its folder", "on a Mac", "one person", "several people", "with a loose one"],
)
def test_an_archive_may_hold_the_folder_of_people_itself(
    tmp_path: Path, entries: list[str], expected: list[tuple[str, str]]
) -> None:
    """A single top folder that holds folders is not a person."""
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for entry in entries:
            archive.writestr(entry, b"x")
    files = list_photos([Source(name="s", path="p.zip")], tmp_path)
    assert [(file.person, file.name) for file in files] == expected


def two_people(folder: Path) -> Path:
    for person in ("p0", "p1"):
        (folder / person).mkdir(parents=True)
        (folder / person / "1.jpg").touch()
    return folder


def test_a_source_lists_only_the_people_that_it_names(tmp_path: Path) -> None:
    """With ``people`` only these are listed; without it everybody is."""
    two_people(tmp_path)
    for people, expected in ((("p1",), ["p1"]), ((), ["p0", "p1"])):
        files = list_photos([Source(name="s", path=".", people=people)], tmp_path)
        assert [file.person for file in files] == expected


@pytest.mark.parametrize(
    "source",
    [
        Source(name="one", path=".", people=("p9",)),
        Source(name="one", path=".", also={"p9": ("two/x",)}),
    ],
    ids=["people", "also"],
)
def test_a_person_without_a_photo_is_an_error(tmp_path: Path, source: Source) -> None:
    """A misspelt name is reported instead of losing a person."""
    with pytest.raises(DatasetError, match=r"source 'one' has no photo of \['p9'\]"):
        list_photos([source], two_people(tmp_path))
