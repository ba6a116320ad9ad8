"""Build a crop set: every photo is either in it or listed with a reason."""

import csv
import json
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.contract import fingerprint
from kiosk.errors import DatasetError
from kiosk.recognition.photo import read_photo
from tests.support import needs_photos
from tests.support_train import orl_crop, orl_photo
from train.dataset.crop_set import CropSet, require_space
from train.dataset.face_crops import LeftOut
from train.dataset.prepare import Prepared, prepare
from train.dataset.sources import Source, Sources, folder_source

ANA, BO, LI = "Ana María Núñez", "Bo", "李 小龙"


def put(folder: Path, person: int, *numbers: int) -> None:
    """Copy photos of an ORL person into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        shutil.copyfile(orl_photo(person, number), folder / f"{number}.pgm")


def make_photos(folder: Path) -> Path:
    """Three people with good photos, and with one photo of each kind that cannot be used."""
    put(folder / ANA, 1, 1, 2, 3)
    put(folder / BO, 2, 1, 2)
    put(folder / LI / "año 2024", 3, 1, 2)
    first = orl_photo(1, 1)
    shutil.copyfile(first, folder / ANA / "copia de 1.pgm")
    cv2.imwrite(
        str(folder / ANA / "para el móvil.JPG"), read_photo(first), [cv2.IMWRITE_JPEG_QUALITY, 60]
    )
    cv2.imwrite(str(folder / BO / "wall.png"), np.full((120, 120, 3), 90, np.uint8))
    two = [read_photo(orl_photo(person, 1)) for person in (4, 5)]
    cv2.imwrite(str(folder / BO / "with a friend.png"), np.hstack(two))
    (folder / BO / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (folder / BO / "empty.png").touch()
    (folder / BO / "gone.jpg").symlink_to(folder / "moved away.jpg")
    (folder / BO / "notes.txt").write_text("no photo")
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Prepared]:
    folder = tmp_path_factory.mktemp("prepare")
    photos = make_photos(folder / "photos")
    out = folder / "crops"
    return out, prepare(folder_source(photos), folder, out, progress=False)


@needs_photos
def test_every_photo_left_out_is_listed_with_its_reason(made: tuple[Path, Prepared]) -> None:
    """Unreadable photos, photos without exactly one face, and duplicates are left out."""
    assert set(made[1].left_out) == {
        LeftOut("photos", BO, "broken.jpg", "unreadable"),
        LeftOut("photos", BO, "empty.png", "unreadable"),
        LeftOut("photos", BO, "gone.jpg", "unreadable"),
        LeftOut("photos", BO, "notes.txt", "not the ending of a photo file"),
        LeftOut("photos", BO, "wall.png", "no face"),
        LeftOut("photos", BO, "with a friend.png", "several faces"),
        LeftOut("photos", ANA, "copia de 1.pgm", "duplicate", f"of photos/{ANA}/1.pgm"),
        LeftOut("photos", ANA, "para el móvil.JPG", "near-duplicate", f"of photos/{ANA}/1.pgm"),
    }


@needs_photos
def test_the_list_of_what_was_left_out_is_a_file(made: tuple[Path, Prepared]) -> None:
    """left_out.csv lists the same photos, also with accents in their names."""
    with (made[0] / "left_out.csv").open(newline="", encoding="utf-8") as file:
        rows = [LeftOut(**row) for row in csv.DictReader(file)]
    assert tuple(rows) == made[1].left_out


@needs_photos
def test_the_summary_counts_every_photo(made: tuple[Path, Prepared]) -> None:
    """The counts of kept photos and of each reason add up to all photos."""
    assert made[1].summary() == {
        "kept": 7, "unreadable": 3, "no face": 1, "several faces": 1,
        "duplicate": 1, "near-duplicate": 1, "not the ending of a photo file": 1,
    }  # fmt: skip


@needs_photos
def test_all_usable_photos_are_in_the_set(made: tuple[Path, Prepared]) -> None:
    """Every usable photo is in the set, with its person's name and its path in the folder."""
    found = CropSet.load(made[0])
    assert [(photo.person, photo.photo) for photo in found.photos] == [
        (ANA, "1.pgm"), (ANA, "2.pgm"), (ANA, "3.pgm"), (BO, "1.pgm"), (BO, "2.pgm"),
        (LI, "año 2024/1.pgm"), (LI, "año 2024/2.pgm"),
    ]  # fmt: skip
    assert made[1].kept == len(found)


@needs_photos
def test_a_crop_is_what_the_kiosk_would_cut(made: tuple[Path, Prepared]) -> None:
    """The middle of a stored crop is the kiosk's own crop, within one grey level."""
    found = CropSet.load(made[0])
    (middle,) = found.contract_crops(np.arange(len(found)))
    for crop, (person, number) in zip(middle, [(1, 1), (1, 2), (1, 3), (2, 1)], strict=False):
        assert np.abs(crop.astype(int) - orl_crop(person, number)).max() <= 1


@needs_photos
def test_the_set_stores_contract_and_seed(made: tuple[Path, Prepared]) -> None:
    """set.json holds the contract's fingerprint, the seed and the number of photos."""
    facts = json.loads((made[0] / "set.json").read_text())
    assert facts == {"contract": fingerprint(), "seed": 2026, "photos": 7}


@needs_photos
def test_a_person_without_a_photo_is_an_error(tmp_path: Path) -> None:
    """An empty folder is an error that names it, and nothing is written."""
    put(tmp_path / BO, 2, 1)
    (tmp_path / "Zoë ohne Foto").mkdir()
    (tmp_path / "Zoë ohne Foto" / "notes.txt").touch()
    with pytest.raises(DatasetError, match=r"Zoë ohne Foto: no photo of this person \(\.avif"):
        prepare(folder_source(tmp_path), tmp_path, tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_a_set_without_a_usable_photo_is_an_error(tmp_path: Path) -> None:
    """Nothing is written, and the error names the folder, the reasons and what was expected."""
    (tmp_path / "photos" / BO).mkdir(parents=True)
    (tmp_path / "photos" / BO / "1.jpg").write_bytes(b"x")
    said = rf"^{tmp_path}/photos: no usable photo \(1 unreadable\); expected pictures that show one"
    with pytest.raises(DatasetError, match=said):
        prepare(folder_source(tmp_path / "photos"), tmp_path, tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [None, b"no archive"])
def test_a_source_that_is_no_folder_and_no_archive_is_an_error(
    tmp_path: Path, content: bytes | None
) -> None:
    """The error names the path and the source."""
    if content is not None:
        (tmp_path / "photos.zip").write_bytes(content)
    sources = Sources(source=(Source(name="web", path="photos.zip"),))
    with pytest.raises(DatasetError, match=r"photos\.zip: source 'web' is neither"):
        prepare(sources, tmp_path, tmp_path / "out", progress=False)


@needs_photos
def test_an_archive_gives_what_its_folder_gives(tmp_path: Path) -> None:
    """A zip archive gives the same set as its folder; a loose photo is left out of both."""
    put(tmp_path / "photos" / ANA, 1, 1, 2)
    put(tmp_path / "photos" / ANA / "2024", 1, 3)
    shutil.copyfile(orl_photo(2, 1), tmp_path / "photos" / "alone.pgm")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in sorted((tmp_path / "photos").rglob("*")):
            archive.write(path, path.relative_to(tmp_path / "photos"))
        archive.writestr("notes.txt", "no photo")
    found = {}
    for name in ("photos", "photos.zip"):
        sources = Sources(source=(Source(name="s", path=name),))
        done = prepare(sources, tmp_path, tmp_path / f"from {name}", progress=False)
        loose = LeftOut("s", "", "alone.pgm", "in no person's folder")
        assert [one for one in done.left_out if one.photo != "notes.txt"] == [loose]
        found[name] = CropSet.load(tmp_path / f"from {name}")
    assert np.array_equal(found["photos.zip"].crops, found["photos"].crops)
    assert found["photos.zip"].photos == found["photos"].photos
    assert [photo.photo for photo in found["photos"].photos] == ["1.pgm", "2.pgm", "2024/3.pgm"]


@needs_photos
def test_a_damaged_photo_in_an_archive_is_left_out(tmp_path: Path) -> None:
    """A damaged entry is left out, and the others are prepared."""
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(orl_photo(1, 1), f"{BO}/1.pgm")
        archive.write(orl_photo(2, 1), f"{BO}/2.pgm")
    data = bytearray(path.read_bytes())
    data[200] ^= 0xFF  # within the first photo's bytes
    path.write_bytes(data)
    sources = Sources(source=(Source(name="s", path="photos.zip"),))
    done = prepare(sources, tmp_path, tmp_path / "out", progress=False)
    assert done.left_out == (LeftOut("s", BO, "1.pgm", "unreadable"),)
    assert done.kept == 1


@needs_photos
def test_a_photo_in_two_peoples_folders_is_nobodys(tmp_path: Path) -> None:
    """It is left out of both, also as a copy of smaller size, and both are listed."""
    for person in ("a", "b"):
        put(tmp_path / "photos" / person, 1, 1)
    put(tmp_path / "photos" / "b", 2, 2)
    put(tmp_path / "photos" / "c", 3, 1)
    small = read_photo(orl_photo(3, 1))
    cv2.imwrite(str(tmp_path / "photos" / "b" / "3.jpg"), small, [cv2.IMWRITE_JPEG_QUALITY, 60])
    done = prepare(folder_source(tmp_path / "photos"), tmp_path, tmp_path / "out", progress=False)
    reason = "in two people's folders"
    assert done.left_out == (
        LeftOut("photos", "a", "1.pgm", reason, "also photos/b/1.pgm"),
        LeftOut("photos", "b", "1.pgm", reason, "also photos/a/1.pgm"),
        LeftOut("photos", "b", "3.jpg", reason, "also photos/c/1.pgm"),
        LeftOut("photos", "c", "1.pgm", reason, "also photos/b/3.jpg"),
    )
    assert done.kept == 1


def test_a_file_in_the_place_of_the_crop_set_is_named(tmp_path: Path) -> None:
    """Before the work; space would not help."""
    (tmp_path / "out").touch()
    said = rf"^{tmp_path}/out/crops: cannot be made \({tmp_path}/out is a file, expected a folder\)"
    with pytest.raises(DatasetError, match=said):
        require_space(tmp_path / "out" / "crops", 1)


def test_too_little_space_is_said_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The space is reserved first: the message says how much is needed, and nothing stays."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "photos" / BO).mkdir(parents=True)
    (tmp_path / "photos" / BO / "1.jpg").write_bytes(b"x")
    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(
        DatasetError, match=r"out: needs up to 1\.05 MB for 1 crops \(No space left"
    ):
        prepare(folder_source(tmp_path / "photos"), tmp_path, tmp_path / "out", progress=False)
    assert [one.name for one in tmp_path.iterdir()] == ["photos"]


@needs_photos
def test_some_people_of_a_source_may_be_selected(tmp_path: Path) -> None:
    """Only the named people are prepared, and an absent one is an error."""
    for person in (1, 2, 3):
        put(tmp_path / "photos" / f"p {person}", person, 1)
    some = Source(name="s", path="photos", people=("p 1", "p 3"))
    prepare(Sources(source=(some,)), tmp_path, tmp_path / "out", progress=False)
    assert [photo.person for photo in CropSet.load(tmp_path / "out").photos] == ["p 1", "p 3"]
    absent = Source(name="s", path="photos", people=("p 1", "p 9"))
    with pytest.raises(DatasetError, match=r"photos: source 's' has no photo of \['p 9'\]"):
        prepare(Sources(source=(absent,)), tmp_path, tmp_path / "out", progress=False)


@needs_photos
def test_splits_follow_the_sources(tmp_path: Path) -> None:
    """A source's split and its people for the test alone are written to photos.csv."""
    for person in (1, 2):
        put(tmp_path / "photos" / f"p {person}", person, 1)
    (tmp_path / "kept.txt").write_text("photos/p 2\n")
    source = Source(name="s", path="photos", split="train", test_only="kept.txt")
    prepare(Sources(source=(source,)), tmp_path, tmp_path / "out", progress=False)
    assert CropSet.load(tmp_path / "out").splits == ("train", "test")
