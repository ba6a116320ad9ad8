"""The photos of recipe ``report``: which are used, how they are cut and grouped."""

import zipfile
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.contract import CROP_PX
from kiosk.demo import sample_people
from kiosk.errors import DatasetError, PhotoError
from kiosk.records import Image
from tests.support import needs_photos
from tests.support_recognition import picture
from train.classifier.photos import ReportPhotos, cut_evenly, load_report_photos, square
from train.dataset.face_crops import without_duplicates
from train.dataset.sources import Source, Sources


def draw_crop(person: int, photo: int) -> Image:
    """Draw an aligned crop of 112 pixels: the person's pattern and, weaker, the photo's own."""
    cells = [np.random.default_rng(seed).integers(0, 256, (8, 8, 3)) for seed in (person, photo)]
    mixed = np.asarray(0.6 * cells[0] + 0.4 * cells[1], np.uint8)
    return np.asarray(cv2.resize(mixed, (CROP_PX, CROP_PX)), np.uint8)


def save(folder: Path, person: str, name: str, photo: Image) -> None:
    (folder / person).mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / person / name), photo)


def write_crops(folder: Path, people: int = 3, photos_each: int = 6) -> Path:
    """Write aligned crops of people p0, p1 and so on."""
    for who in range(people):
        for number in range(photos_each):
            crop = draw_crop(who, 100 * (1 + who) + number)
            save(folder, f"p{who}", f"{number}.png", crop)
    return folder


def source(path: Path, **settings: object) -> Source:
    options: dict[str, object] = {"name": "one", "aligned": True} | settings
    return Source(path=str(path), **options)  # type: ignore[arg-type]  # as the tests name them


def load(*sources: Source, size_px: int = 24, photos_max: int | None = None) -> ReportPhotos:
    return load_report_photos(Sources(source=sources), Path(), size_px, photos_max, progress=False)


def test_image_crop_and_label_belong_to_one_photo(tmp_path: Path) -> None:
    """After a cut, row i of every array is the same photo, in RGB."""
    folder = write_crops(tmp_path)
    report_photos = load(source(folder), photos_max=10)
    labelled = report_photos.labelled
    for i, photo in enumerate(report_photos.photos):
        bgr = np.asarray(cv2.imread(str(folder / photo.person / photo.photo)), np.uint8)
        assert labelled.names[labelled.labels[i]] == photo.person
        assert np.array_equal(report_photos.crops[i], bgr[:, :, ::-1])
        assert np.array_equal(labelled.images[i], square(bgr, 24)[:, :, ::-1])


@needs_photos
def test_the_classifier_gets_full_photos_that_are_not_aligned(tmp_path: Path) -> None:
    """The classifier's photo is the full photo, scaled; only the crop is cut around the face."""
    photos = {
        who: picture(sample_people.enrolment_photos(who)[0])
        for who in sample_people.sample_people()[:2]
    }
    for who, photo in photos.items():
        save(tmp_path, who, "1.png", photo)
    report_photos = load(source(tmp_path, aligned=False), size_px=64)
    for i, record in enumerate(report_photos.photos):
        whole = square(photos[record.person], 64)
        assert np.array_equal(report_photos.labelled.images[i], whole[:, :, ::-1])
        assert report_photos.crops[i].shape == (CROP_PX, CROP_PX, 3)
        # Half of the picture is an even wall, and none of the crop.
        assert np.mean(whole == 128) > 0.3
        assert np.mean(report_photos.crops[i] == 128) < 0.1


@needs_photos
def test_a_photo_that_cannot_be_used_is_left_out_with_its_reason(tmp_path: Path) -> None:
    """Photos with no face, several faces, no picture, and copies are left out; others are kept."""
    first, second = (
        sample_people.enrolment_photos(who) for who in sample_people.sample_people()[:2]
    )
    for name, photo in (("a", first[0]), ("b", first[1])):
        save(tmp_path, "ada", f"{name}.png", picture(photo))
    save(tmp_path, "bo", "a.png", picture(second[0]))
    save(tmp_path, "bo", "copy.png", picture(second[0]))
    save(tmp_path, "bo", "empty.png", np.full((240, 320, 3), 128, np.uint8))
    both = np.concatenate([picture(first[2]), picture(second[2])], axis=1)
    save(tmp_path, "bo", "two.png", both)
    (tmp_path / "bo" / "torn.png").write_bytes(b"\x89PNG")
    report_photos = load(source(tmp_path, aligned=False))
    assert {item.photo: item.reason for item in report_photos.left_out} == {
        "copy.png": "duplicate",
        "empty.png": "no face",
        "two.png": "several faces",
        "torn.png": "unreadable",
    }
    kept = [(photo.person, photo.photo) for photo in report_photos.photos]
    assert kept == [("ada", "a.png"), ("ada", "b.png"), ("bo", "a.png")]


def test_a_file_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    """A link to an absent file does not stop the command."""
    folder = write_crops(tmp_path / "photos")
    (folder / "p1" / "gone.png").symlink_to(tmp_path / "moved away.png")
    report_photos = load(source(folder))
    assert [(item.photo, item.reason) for item in report_photos.left_out] == [
        ("gone.png", "unreadable")
    ]
    assert len(report_photos.photos) == 18


def test_a_photo_that_disappears_between_the_reads_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photos are read twice; a photo absent at the second time is an error that names it."""
    folder = write_crops(tmp_path)

    def vanish(*parts: object) -> object:
        (folder / "p1" / "2.png").unlink()
        return without_duplicates(*parts)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr("train.dataset.face_crops.without_duplicates", vanish)
    with pytest.raises(PhotoError, match=r"^one/p1/2\.png: unreadable, but was readable before"):
        load(source(folder))


def test_a_burst_of_one_person_is_one_group(tmp_path: Path) -> None:
    """Photos of one moment share a group; every other photo is a group of its own."""
    folder = write_crops(tmp_path, people=2, photos_each=3)
    noise = np.random.default_rng(0).normal(0, 14, (8, 8, 3))
    noisy = draw_crop(0, 100) + cv2.resize(noise, (CROP_PX, CROP_PX))
    save(folder, "p0", "0-again.png", np.clip(noisy, 0, 255).astype(np.uint8))
    report_photos = load(source(folder))
    assert not report_photos.left_out
    by_name = {
        (photo.person, photo.photo): int(group)
        for photo, group in zip(report_photos.photos, report_photos.labelled.groups, strict=True)
    }
    assert by_name["p0", "0.png"] == by_name["p0", "0-again.png"]
    assert len(set(by_name.values())) == len(by_name) - 1


def test_the_set_is_cut_evenly_to_the_number_asked_for(tmp_path: Path) -> None:
    """A cut set has the size asked for, and the counts per person differ by at most one."""
    folder = write_crops(tmp_path)
    report_photos = load(source(folder), photos_max=10)
    counts = Counter(report_photos.labelled.labels.tolist())
    assert len(report_photos.photos) == 10
    assert sorted(counts.values()) == [3, 3, 4]
    again = load(source(folder), photos_max=10)
    assert again.labelled.fingerprint() == report_photos.labelled.fingerprint()


def test_a_set_cut_below_one_photo_per_person_is_an_error(tmp_path: Path) -> None:
    """A set smaller than one photo per person is an error."""
    with pytest.raises(DatasetError, match="photos_max: 2, expected at least 3"):
        load(source(write_crops(tmp_path)), photos_max=2)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(0, 70), st.integers(0, 9))
def test_a_cut_is_even(labels: list[int], n: int, seed: int) -> None:
    """A person with fewer photos than another has no photo left, except in the last round."""
    kept = cut_evenly(np.array(labels, np.int64), n, seed)
    assert len(kept) == min(n, len(labels))
    assert (np.diff(kept) > 0).all()
    have, keep = Counter(labels), Counter(labels[i] for i in kept)
    most = max(keep.values(), default=0)
    assert all(keep[who] >= min(have[who], most - 1) for who in have)


def test_people_of_one_name_in_two_sources_are_an_error(tmp_path: Path) -> None:
    """Folders of one name in two sources are an error, not one person."""
    folder = write_crops(tmp_path / "one")
    save(tmp_path / "two", "p1", "0.png", draw_crop(7, 8))
    with pytest.raises(DatasetError, match=r"\['p1'\]: in two sources"):
        load(source(folder), source(tmp_path / "two", name="two"))


def test_unnamed_photos_are_left_out(tmp_path: Path) -> None:
    """Loose photos of an archive, and what systems make, have the reasons that prepare gives."""
    archive = tmp_path / "photos.zip"
    folder = write_crops(tmp_path / "photos", people=2)
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*.png")):
            file.write(path, path.relative_to(folder))
        file.write(folder / "p0" / "0.png", "loose.png")
        file.write(folder / "p0" / "0.png", ".ipynb_checkpoints/1.png")
    report_photos = load(source(archive))
    assert [(item.photo, item.reason) for item in report_photos.left_out] == [
        (".ipynb_checkpoints", "hidden, or made by a system"),
        ("loose.png", "in no person's folder"),
    ]
    assert report_photos.labelled.names == ("p0", "p1")


def test_a_set_without_a_usable_photo_is_an_error(tmp_path: Path) -> None:
    """The error counts the reasons."""
    save(tmp_path, "ada", "large.png", np.zeros((40, 50, 3), np.uint8))
    with pytest.raises(DatasetError, match=rf"^{tmp_path}: no usable photo \(1 not an aligned"):
        load(source(tmp_path))


def test_one_person_cannot_be_told_apart(tmp_path: Path) -> None:
    """The error names the folder and the person; the others may have no usable photo."""
    write_crops(tmp_path, people=1)
    save(tmp_path, "p1", "large.png", np.zeros((40, 50, 3), np.uint8))
    said = rf"^{tmp_path}: usable photos of p0 alone; expected two people or more to tell apart$"
    with pytest.raises(DatasetError, match=said):
        load(source(tmp_path))
