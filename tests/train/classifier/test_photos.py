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
from train.classifier.photos import Collection, cut_evenly, load_album, square
from train.dataset.prepare import walk, without_doubles
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


def load(*sources: Source, size_px: int = 24, photos_max: int | None = None) -> Collection:
    return load_album(Sources(source=sources), Path(), size_px, photos_max, progress=False)


def test_photo_crop_and_label_are_of_one_photo(tmp_path: Path) -> None:
    """Whatever is cut, row i of every part is the same photo, in RGB."""
    folder = write_crops(tmp_path)
    collection = load(source(folder), photos_max=10)
    album = collection.album
    for i, photo in enumerate(collection.photos):
        bgr = np.asarray(cv2.imread(str(folder / photo.person / photo.photo)), np.uint8)
        assert album.names[album.labels[i]] == photo.person
        assert np.array_equal(collection.crops[i], bgr[:, :, ::-1])
        assert np.array_equal(album.photos[i], square(bgr, 24)[:, :, ::-1])


@needs_photos
def test_the_classifier_sees_whole_photos_that_are_not_aligned(tmp_path: Path) -> None:
    """A photo is squeezed as it is, border and all; only the crop is cut around the face."""
    photos = {
        who: picture(sample_people.enrolment_photos(who)[0])
        for who in sample_people.sample_people()[:2]
    }
    for who, photo in photos.items():
        save(tmp_path, who, "1.png", photo)
    collection = load(source(tmp_path, aligned=False), size_px=64)
    for i, record in enumerate(collection.photos):
        whole = square(photos[record.person], 64)
        assert np.array_equal(collection.album.photos[i], whole[:, :, ::-1])
        assert collection.crops[i].shape == (CROP_PX, CROP_PX, 3)
        # Half of the picture is an even wall, and none of the crop.
        assert np.mean(whole == 128) > 0.3
        assert np.mean(collection.crops[i] == 128) < 0.1


@needs_photos
def test_a_photo_that_cannot_be_used_is_left_out_with_its_reason(tmp_path: Path) -> None:
    """No face, several faces, no picture and a copy are left out; the rest is kept."""
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
    collection = load(source(tmp_path, aligned=False))
    assert {item.photo: item.reason for item in collection.left_out} == {
        "copy.png": "duplicate",
        "empty.png": "no face",
        "two.png": "several faces",
        "torn.png": "unreadable",
    }
    kept = [(photo.person, photo.photo) for photo in collection.photos]
    assert kept == [("ada", "a.png"), ("ada", "b.png"), ("bo", "a.png")]


def test_a_file_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    """A link to a file that is gone ends nothing."""
    folder = write_crops(tmp_path / "photos")
    (folder / "p1" / "gone.png").symlink_to(tmp_path / "moved away.png")
    collection = load(source(folder))
    assert [(item.photo, item.reason) for item in collection.left_out] == [
        ("gone.png", "unreadable")
    ]
    assert len(collection.photos) == 18


def test_a_photo_that_vanishes_meanwhile_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photos are read twice; one that is gone the second time is one clear error."""
    folder = write_crops(tmp_path)

    def vanish(*parts: object) -> object:
        (folder / "p1" / "2.png").unlink()
        return without_doubles(*parts)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr("train.classifier.photos.without_doubles", vanish)
    with pytest.raises(PhotoError, match=r"^one/p1/2\.png: unreadable, and was not before"):
        load(source(folder))


def test_a_burst_of_one_person_is_one_group(tmp_path: Path) -> None:
    """Photos of one moment share a group; every other photo has one of its own."""
    folder = write_crops(tmp_path, people=2, photos_each=3)
    noise = np.random.default_rng(0).normal(0, 14, (8, 8, 3))
    noisy = draw_crop(0, 100) + cv2.resize(noise, (CROP_PX, CROP_PX))
    save(folder, "p0", "0-again.png", np.clip(noisy, 0, 255).astype(np.uint8))
    collection = load(source(folder))
    assert not collection.left_out
    by_name = {
        (photo.person, photo.photo): int(group)
        for photo, group in zip(collection.photos, collection.album.groups, strict=True)
    }
    assert by_name["p0", "0.png"] == by_name["p0", "0-again.png"]
    assert len(set(by_name.values())) == len(by_name) - 1


def test_the_set_is_cut_to_exactly_so_many_photos_and_evenly(tmp_path: Path) -> None:
    """A cut set has the number asked for, and nobody keeps two more than anybody else."""
    folder = write_crops(tmp_path)
    collection = load(source(folder), photos_max=10)
    counts = Counter(collection.album.labels.tolist())
    assert len(collection.photos) == 10
    assert sorted(counts.values()) == [3, 3, 4]
    again = load(source(folder), photos_max=10)
    assert again.album.fingerprint() == collection.album.fingerprint()


def test_a_set_cut_below_one_photo_a_person_is_refused(tmp_path: Path) -> None:
    """Nobody is cut away whole."""
    with pytest.raises(DatasetError, match="photos_max: 2, expected at least 3"):
        load(source(write_crops(tmp_path)), photos_max=2)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(0, 70), st.integers(0, 9))
def test_a_cut_is_even(labels: list[int], n: int, seed: int) -> None:
    """Who keeps fewer photos than another has none left, but for one of the last round."""
    kept = cut_evenly(np.array(labels, np.int64), n, seed)
    assert len(kept) == min(n, len(labels))
    assert (np.diff(kept) > 0).all()
    have, keep = Counter(labels), Counter(labels[i] for i in kept)
    most = max(keep.values(), default=0)
    assert all(keep[who] >= min(have[who], most - 1) for who in have)


def test_people_of_one_name_in_two_sources_are_refused(tmp_path: Path) -> None:
    """Two folders p0 are not quietly one person."""
    folder = write_crops(tmp_path / "one")
    save(tmp_path / "two", "p1", "0.png", draw_crop(7, 8))
    with pytest.raises(DatasetError, match=r"\['p1'\]: in two sources"):
        load(source(folder), source(tmp_path / "two", name="two"))


def test_photos_of_nobody_named_are_left_out(tmp_path: Path) -> None:
    """An archive's loose photos say nothing about who is on them."""
    archive = tmp_path / "photos.zip"
    folder = write_crops(tmp_path / "photos", people=2)
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*.png")):
            file.write(path, path.relative_to(folder))
        file.write(folder / "p0" / "0.png", "loose.png")
    collection = load(source(archive))
    assert [(item.photo, item.reason) for item in collection.left_out] == [
        ("loose.png", "nobody named")
    ]
    assert collection.album.names == ("p0", "p1")


def test_a_set_without_a_usable_photo_is_refused(tmp_path: Path) -> None:
    """The message counts the reasons."""
    save(tmp_path, "ada", "large.png", np.zeros((40, 50, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"no usable photo.*not an aligned crop.*: 1"):
        load(source(tmp_path))


def test_a_source_takes_the_people_it_names_alone(tmp_path: Path) -> None:
    """``people`` picks; without it everybody is taken."""
    folder = write_crops(tmp_path)
    picked = walk(source(folder, people=("p0", "p2")), Path())
    assert {person for person, _, _ in picked} == {"p0", "p2"}
    assert {person for person, _, _ in walk(source(folder), Path())} == {"p0", "p1", "p2"}


@pytest.mark.parametrize("settings", [{"people": ("p9",)}, {"also": {"p9": ("two/x",)}}])
def test_a_person_who_is_named_and_absent_is_refused(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    """A slip of the pen does not quietly lose a person."""
    with pytest.raises(DatasetError, match=r"source 'one' has no photo of \['p9'\]"):
        walk(source(write_crops(tmp_path), **settings), Path())
