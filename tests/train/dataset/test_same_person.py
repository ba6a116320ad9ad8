"""People under two names: they are removed from the evaluation, similar people are not."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from kiosk.records import Floats
from tests.support_train import draw_crop
from train.dataset.crop_set import CropSet, Photo
from train.dataset.same_person import Removed, find_same_people, remove_same_people
from train.dataset.sources import Split

DIM = 24

Row = tuple[str, Split, Floats]
"""Person (``family_name``, or empty), split and embedding of one photo."""


def axis(number: int) -> Floats:
    return np.asarray(np.eye(DIM)[number], np.float32)


def near(*cosines: tuple[int, float], rest: int) -> Floats:
    """A vector with these cosines to some axes; the rest points along another axis."""
    vector = np.zeros(DIM, np.float32)
    for number, cosine in cosines:
        vector[number] = cosine
    vector[rest] = np.sqrt(1 - np.sum(vector**2))
    return vector


def find(rows: Sequence[Row]) -> tuple[frozenset[str], list[int]]:
    """Who is a duplicate, and which photos show others."""
    photos = [
        Photo("s", person, f"{at}.jpg", f"s/{person.split('_')[0]}" if person else f"s/{at}.jpg")
        for at, (person, _, _) in enumerate(rows)
    ]
    targets = np.stack([vector for _, _, vector in rows])
    duplicates, mislabelled = find_same_people(photos, [split for _, split, _ in rows], targets)
    return duplicates, np.flatnonzero(mislabelled).tolist()


def person(name: str, split: Split, vector: Floats, photos: int = 3) -> list[Row]:
    return [(name, split, vector)] * photos


@pytest.mark.parametrize(
    ("cosines", "duplicate"),
    [
        ([(0, 0.9)], True),
        ([(0, 0.61)], True),
        ([(0, 0.59)], False),
        ([(0, 0.65), (1, 0.54)], True),
        ([(0, 0.65), (1, 0.56)], False),
        # As toddlers are: near to one, but near to others too.
        ([(0, 0.72), (1, 0.65)], False),
    ],
)
def test_a_duplicate_is_near_to_one_person_only(
    cosines: list[tuple[int, float]], *, duplicate: bool
) -> None:
    """A held-out person is a duplicate of a near training person if the next person is far."""
    rows = [
        *person("a", "train", axis(0)),
        *person("b", "train", axis(1)),
        *person("c", "test", near(*cosines, rest=5)),
    ]
    assert find(rows)[0] == (frozenset({"s/c"}) if duplicate else frozenset())


def test_three_names_of_one_person_are_all_found() -> None:
    """The next person must have another appearance: a third name does not reduce the margin."""
    rows = [
        *person("a", "train", axis(0)),
        *person("b", "train", near((0, 0.9), rest=1)),
        *person("c", "test", near((0, 0.8), rest=2)),
    ]
    assert find(rows)[0] == {"s/c"}


def test_of_two_held_out_names_the_first_is_kept() -> None:
    """Of two held-out names of one person the second is removed; training people stay."""
    rows = [
        *person("a", "test", axis(0)),
        *person("b", "dev", near((0, 0.8), rest=1)),
        *person("c", "train", axis(2)),
        *person("d", "train", near((2, 0.8), rest=3)),
    ]
    assert find(rows) == ({"s/b"}, [])


def test_a_name_linked_to_a_training_name_by_another_name_is_removed() -> None:
    """Two held-out names of a person who is in training under a third are both removed."""
    rows = [
        *person("a", "train", axis(0)),
        *person("b", "test", near((0, 0.85), rest=1)),
        *person("c", "test", near((0, 0.55), (1, 0.5), rest=2)),
    ]
    assert find(rows)[0] == {"s/b", "s/c"}


def test_relatives_are_never_one_person() -> None:
    """Members of a family are never duplicates, even with equal embeddings."""
    rows = [
        *person("f_a", "test", axis(0)),
        *person("f_b", "test", near((0, 0.95), rest=1)),
    ]
    assert find(rows) == (frozenset(), [])


@pytest.mark.parametrize(
    ("cosines", "removed"),
    [
        ([(0, 0.62)], True),
        ([(0, 0.58)], False),
        ([(0, 0.65), (1, 0.48)], True),
        ([(0, 0.65), (1, 0.52)], False),
    ],
)
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_an_unnamed_photo_of_a_named_person_is_removed(
    split: Split, cosines: list[tuple[int, float]], *, removed: bool
) -> None:
    """An unnamed photo is removed if it is near to one person and far from the next."""
    rows: list[Row] = [
        *person("a", split, axis(0)),
        *person("b", "train", axis(1)),
        ("", "test", near(*cosines, rest=5)),
        ("", "train", axis(0)),
    ]
    assert find(rows) == (frozenset(), [6] if removed else [])


def test_a_photo_under_a_wrong_name_is_removed() -> None:
    """A photo that shows another person is removed; the person and the other photos stay."""
    rows = [
        *person("a", "test", axis(0), 5),
        ("a", "test", near((1, 0.9), rest=2)),
        *person("b", "train", axis(1)),
    ]
    assert find(rows) == (frozenset(), [5])


def test_a_photo_that_resembles_its_own_person_stays() -> None:
    """A photo that resembles another person and its own person stays."""
    rows = [
        *person("a", "test", axis(0), 5),
        ("a", "test", near((0, 0.6), (1, 0.7), rest=2)),
        *person("b", "train", axis(1)),
    ]
    assert find(rows) == (frozenset(), [])


def test_a_photo_may_resemble_the_other_name_of_its_person() -> None:
    """A photo nearer to its person's removed second name stays under the first name."""
    rows = [
        *person("a", "dev", axis(0), 5),
        ("a", "dev", near((0, 0.2), (1, 0.8), rest=2)),
        *person("b", "dev", near((0, 0.7), rest=1)),
    ]
    assert find(rows) == ({"s/b"}, [])


@pytest.fixture
def crop_set(tmp_path: Path) -> CropSet:
    """One trained person of three, one held out who is her duplicate, and a photo of her."""
    people = [*["p0"] * 3, *["p1"] * 3, *["p2"] * 3, "", ""]
    photos = [Photo("s", name, f"{at}.png", f"s/{name or at}") for at, name in enumerate(people)]
    crops = np.stack([draw_crop(at, at) for at in range(len(people))])
    splits: list[Split] = [*["train"] * 3, *["test"] * 6, "test", "test"]  # type: ignore[list-item]  # literals
    CropSet.write(tmp_path, crops, photos, splits)
    vectors = [axis(0)] * 3 + [near((0, 0.8), rest=1)] * 3 + [axis(2)] * 3
    np.save(tmp_path / "teacher.npy", np.stack([*vectors, near((0, 0.7), rest=3), axis(4)]))
    return CropSet.load(tmp_path)


def test_removed_people_and_photos_are_stored(crop_set: CropSet) -> None:
    """Duplicates and mislabelled photos get the split ``none``, on disk too; others keep theirs."""
    changed, found = remove_same_people(crop_set, np.load(crop_set.folder / "teacher.npy"))
    assert found == Removed(people=1, photos=1)
    assert changed.splits == (*["train"] * 3, *["none"] * 3, *["test"] * 3, "none", "test")
    assert CropSet.load(crop_set.folder).splits == changed.splits
    assert (
        remove_same_people(changed, np.load(crop_set.folder / "teacher.npy"))[0].splits
        == changed.splits
    )
