"""Whom a listing of photos takes for people."""

from functools import partial
from pathlib import Path

import pytest

from kiosk.errors import DatasetError
from train.classifier.photos import load_report_photos
from train.dataset.people import check_people, confirm_people, describe_people, people_found
from train.dataset.photo_files import list_photos
from train.dataset.sources import Source, Sources


def found_in(folder: Path, *names: str) -> list[str]:
    """The lines for a folder with these files; an error where it is doubtful."""
    for name in names:
        (folder / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "p" / name).write_bytes(b"x")
    sources = [Source(name="s", path="p")]
    found = people_found(sources, folder, list_photos(sources, folder))
    check_people(found, yes=False)
    return list(describe_people(found))


def test_a_report_is_doubtful_in_the_same_folders(tmp_path: Path) -> None:
    """`kiosk-train report` says whom it takes for people, and stops before it searches faces."""
    for name in ("7b/Ana/1.jpg", "7b/Bo/1.jpg", "@eaDir/x/1.jpg"):
        (tmp_path / "p" / name).parent.mkdir(parents=True)
        (tmp_path / "p" / name).write_bytes(b"x")
    said: list[str] = []
    with pytest.raises(DatasetError, match=r"s/7b has its photos in 2 folders"):
        load_report_photos(
            Sources(source=(Source(name="s", path="p"),)),
            tmp_path,
            24,
            progress=False,
            confirm=partial(confirm_people, yes=False, say=said.append),
        )
    assert said == ["s: 1 people, 2 photos of them, 1 files left out: 7b (2)"]


def test_people_and_their_photos_are_named(tmp_path: Path) -> None:
    """The count, the first few with their photos, and how many files are left out."""
    names = [f"p{person}/{photo}.jpg" for person in range(7) for photo in range(person + 1)]
    (line,) = found_in(tmp_path, *names, "notes.txt")
    counts, _, people = line.partition(" left out: ")
    assert counts == "s: 7 people, 28 photos of them, 1 files"
    assert people == "p0 (1), p1 (2), p2 (3), p3 (4), p4 (5), and 2 more"


@pytest.mark.parametrize(
    "names",
    [
        ("Ana/2023/1.jpg", "Bo/1.jpg"),
        ("Ana/1.jpg", "Ana/2023/1.jpg", "Ana/2024/1.jpg"),
        ("Ana/2023/1.jpg", "Ana/@eaDir/1.jpg"),
    ],
)
def test_a_person_may_have_a_folder(tmp_path: Path, names: tuple[str, ...]) -> None:
    """One folder, or folders beside photos, leave no doubt."""
    assert found_in(tmp_path, *names)


def test_a_folder_of_folders_is_doubtful(tmp_path: Path) -> None:
    """`train/7b/person`: the message names the folders and both ways out."""
    expected = r"s/7b has its photos in 2 folders \(Ana, Bo\); and 1 more.*give the folder.*--yes"
    with pytest.raises(DatasetError, match=expected):
        found_in(tmp_path, "7b/Ana/1.jpg", "7b/Bo/1.jpg", "7c/Cy/1.jpg", "7c/Di/1.jpg")


@pytest.mark.parametrize(
    ("answer", "goes_on"), [("y", True), ("YES ", True), ("", False), ("n", False)]
)
def test_a_person_at_the_terminal_is_asked(tmp_path: Path, answer: str, *, goes_on: bool) -> None:
    """Only a yes goes on; --yes does not ask."""
    for name in ("Ana/2023", "Ana/2024"):
        (tmp_path / "p" / name).mkdir(parents=True)
        (tmp_path / "p" / name / "1.jpg").touch()
    sources = [Source(name="s", path="p")]
    found = people_found(sources, tmp_path, list_photos(sources, tmp_path))
    check_people(found, yes=True)
    if goes_on:
        check_people(found, yes=False, ask=lambda _: answer)
    else:
        with pytest.raises(DatasetError, match="--yes"):
            check_people(found, yes=False, ask=lambda _: answer)
