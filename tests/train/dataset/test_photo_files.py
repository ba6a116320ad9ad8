"""List the photos of folders and archives."""

import os
import zipfile
from pathlib import Path

import pytest

from kiosk.errors import DatasetError, PhotoError
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
    assert [(file.person, file.name, file.read()) for file in files if file.is_photo] == [
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
    assert [(file.person, file.name) for file in files if file.name != "__MACOSX"] == expected


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


def reasons(path: Path) -> dict[str, str]:
    """Why each file is left out; empty for a photo that can be read."""
    found = {}
    for file in list_photos([Source(name="s", path=path.name)], path.parent):
        try:
            file.read()
        except PhotoError as exc:
            found[f"{file.person}/{file.name}"] = str(exc)
        else:
            found[f"{file.person}/{file.name}"] = ""
    return found


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


SYSTEM = "hidden, or made by a system"


def test_what_systems_make_is_nobody(tmp_path: Path) -> None:
    """Hidden and system folders are no people, and each is listed once."""
    folder = put(
        tmp_path / "p",
        "Ana/1.jpg",
        "Ana/.DS_Store",
        "Ana/@eaDir/1.jpg/SYNO.jpg",
        ".ipynb_checkpoints/1-checkpoint.jpg",
        "__MACOSX/Ana/._1.jpg",
        "@eaDir/a.jpg",
        "lost+found/1.jpg",
        "Thumbs.db",
    )
    assert reasons(folder) == {
        "Ana/1.jpg": "",
        "Ana/.DS_Store": SYSTEM,
        "Ana/@eaDir": SYSTEM,
        "/.ipynb_checkpoints": SYSTEM,
        "/__MACOSX": SYSTEM,
        "/@eaDir": SYSTEM,
        "/lost+found": SYSTEM,
        "/Thumbs.db": SYSTEM,
    }


def test_two_spellings_of_one_name_are_one_person(tmp_path: Path) -> None:
    """An accent may be a character of its own, as macOS writes it; no photo is lost."""
    folder = put(tmp_path / "p", "Jos\u00e9/1.jpg", "Jose\u0301/1.jpg", "Jose\u0301/2.jpg")
    assert reasons(folder) == {
        "Jos\u00e9/1.jpg": "",
        "Jos\u00e9/1.jpg (2)": "",
        "Jos\u00e9/2.jpg": "",
    }
    chosen = Source(name="s", path="p", people=("Jose\u0301",))
    assert len(list_photos([chosen], tmp_path)) == 3


def test_files_that_are_no_photos_are_listed(tmp_path: Path) -> None:
    """Other endings have a reason; so have names whose bytes are no text."""
    folder = put(tmp_path / "p", "Ana/1.HEIC", "Ana/film.mp4", "Ana/1", "list.csv")
    (folder / os.fsdecode(b"Jos\xe9")).mkdir()
    (folder / os.fsdecode(b"Jos\xe9") / "1.jpg").write_bytes(b"x")
    (folder / "Ana" / os.fsdecode(b"\xe9.jpg")).write_bytes(b"x")
    assert reasons(folder) == {
        "Ana/1": "not the ending of a photo file",
        "Ana/1.HEIC": "",
        "Ana/film.mp4": "not the ending of a photo file",
        r"Ana/\udce9.jpg": "its name is not UTF-8; rename it",
        r"Jos\udce9/1.jpg": "its name is not UTF-8; rename it",
        "/list.csv": "not the ending of a photo file",
    }


# Archives


def test_backslashes_divide_folders(tmp_path: Path) -> None:
    """An archive of a program that writes Windows' names has people, not nobody."""
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for name in ("Ana\\1.jpg", "Ana\\x\\2.jpg", "Bo\\1.jpg"):
            archive.writestr(name, b"x")
    assert list(reasons(tmp_path / "p.zip")) == ["Ana/1.jpg", "Ana/x/2.jpg", "Bo/1.jpg"]


@pytest.mark.parametrize(
    ("encoding", "flag"), [("utf-8", True), ("utf-8", False), ("cp437", False), ("cp850", False)]
)
def test_names_without_the_utf8_flag_are_read(tmp_path: Path, encoding: str, *, flag: bool) -> None:
    """UTF-8 without the flag is recognised; else the letters are those of Windows in Europe."""
    name = "Zo\u00eb \u00c0/1.jpg" if encoding == "cp850" or flag else "Zo\u00eb/1.jpg"
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("x" * len(name.encode(encoding)), b"x")
    data = (tmp_path / "p.zip").read_bytes()
    raw = name.encode(encoding)
    data = data.replace(b"x" * len(raw), raw)
    if flag:
        at = data.index(b"PK\x01\x02")
        data = data[:6] + b"\x00\x08" + data[8 : at + 8] + b"\x00\x08" + data[at + 10 :]
    (tmp_path / "p.zip").write_bytes(data)
    assert reasons(tmp_path / "p.zip") == {name: ""}


@pytest.mark.parametrize(
    ("offsets", "value", "reason"),
    [
        ((6, 8), 1, "encrypted with a password"),
        ((8, 10), 9, "packed with a method that cannot be unpacked here (such as Deflate64)"),
    ],
    ids=["password", "Deflate64"],
)
def test_what_cannot_be_unpacked_is_left_out_with_its_reason(
    tmp_path: Path, offsets: tuple[int, int], value: int, reason: str
) -> None:
    """The other photos of the archive are read."""
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("Ana/1.jpg", b"x")
        archive.writestr("Ana/2.jpg", b"x")
    data = bytearray((tmp_path / "p.zip").read_bytes())
    data[offsets[0]] = value
    data[data.index(b"PK\x01\x02") + offsets[1] - 0] = value
    (tmp_path / "p.zip").write_bytes(data)
    found = reasons(tmp_path / "p.zip")
    assert found["Ana/1.jpg"].startswith(reason)
    assert found["Ana/2.jpg"] == ""


def test_a_damaged_archive_is_one_error(tmp_path: Path) -> None:
    """Its list of files cannot be read: the message names it."""
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("Ana/1.jpg", b"x")
    data = bytearray((tmp_path / "p.zip").read_bytes())
    data[data.index(b"PK\x01\x02")] = 0
    (tmp_path / "p.zip").write_bytes(data)
    with pytest.raises(DatasetError, match=r"p\.zip: a damaged zip archive"):
        list_photos([Source(name="s", path="p.zip")], tmp_path)
