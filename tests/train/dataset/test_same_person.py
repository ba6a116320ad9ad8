"""Namesakes: who is two people in the sets is measured as neither, and who is alike is left in."""

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
"""Person (``family_name``, or empty), side and embedding of one photo."""


def axis(number: int) -> Floats:
    return np.asarray(np.eye(DIM)[number], np.float32)


def near(*cosines: tuple[int, float], rest: int) -> Floats:
    """A vector at these cosines to some axes; what is missing points along an axis of its own."""
    vector = np.zeros(DIM, np.float32)
    for number, cosine in cosines:
        vector[number] = cosine
    vector[rest] = np.sqrt(1 - np.sum(vector**2))
    return vector


def find(rows: Sequence[Row]) -> tuple[frozenset[str], list[int]]:
    """Who is a double, and which photos show others."""
    photos = [
        Photo("s", person, f"{at}.jpg", f"s/{person.split('_')[0]}" if person else f"s/{at}.jpg")
        for at, (person, _, _) in enumerate(rows)
    ]
    targets = np.stack([vector for _, _, vector in rows])
    doubles, others = find_same_people(photos, [side for _, side, _ in rows], targets)
    return doubles, np.flatnonzero(others).tolist()


def person(name: str, side: Split, vector: Floats, photos: int = 3) -> list[Row]:
    return [(name, side, vector)] * photos


@pytest.mark.parametrize(
    ("cosines", "double"),
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
def test_a_double_is_near_to_one_alone(cosines: list[tuple[int, float]], *, double: bool) -> None:
    """A held-out person is taken for a trained one who is near, and much nearer than the next."""
    rows = [
        *person("a", "train", axis(0)),
        *person("b", "train", axis(1)),
        *person("c", "test", near(*cosines, rest=5)),
    ]
    assert find(rows)[0] == (frozenset({"s/c"}) if double else frozenset())


def test_three_names_of_one_person_hide_none() -> None:
    """The next person has to be of another look: a third name does not make the margin small."""
    rows = [
        *person("a", "train", axis(0)),
        *person("b", "train", near((0, 0.9), rest=1)),
        *person("c", "test", near((0, 0.8), rest=2)),
    ]
    assert find(rows)[0] == {"s/c"}


def test_of_two_held_out_names_the_first_stays() -> None:
    """Development and test people who are one are measured once; training people stay."""
    rows = [
        *person("a", "test", axis(0)),
        *person("b", "dev", near((0, 0.8), rest=1)),
        *person("c", "train", axis(2)),
        *person("d", "train", near((2, 0.8), rest=3)),
    ]
    assert find(rows) == ({"s/b"}, [])


def test_who_is_linked_to_a_trained_name_by_another_name_goes() -> None:
    """Two held-out names of a person who is trained on under a third are both left out."""
    rows = [
        *person("a", "train", axis(0)),
        *person("b", "test", near((0, 0.85), rest=1)),
        *person("c", "test", near((0, 0.55), (1, 0.5), rest=2)),
    ]
    assert find(rows)[0] == {"s/b", "s/c"}


def test_relatives_are_never_one() -> None:
    """However alike, members of a family stay."""
    rows = [
        *person("f_a", "test", axis(0)),
        *person("f_b", "test", near((0, 0.95), rest=1)),
    ]
    assert find(rows) == (frozenset(), [])


@pytest.mark.parametrize(
    ("cosines", "gone"),
    [
        ([(0, 0.62)], True),
        ([(0, 0.58)], False),
        ([(0, 0.65), (1, 0.48)], True),
        ([(0, 0.65), (1, 0.52)], False),
    ],
)
@pytest.mark.parametrize("side", ["train", "dev", "test"])
def test_a_photo_of_nobody_named_may_show_somebody(
    side: Split, cosines: list[tuple[int, float]], *, gone: bool
) -> None:
    """It is left out if it is near to a person, and much nearer than to the next."""
    rows: list[Row] = [
        *person("a", side, axis(0)),
        *person("b", "train", axis(1)),
        ("", "test", near(*cosines, rest=5)),
        ("", "train", axis(0)),
    ]
    assert find(rows) == (frozenset(), [6] if gone else [])


def test_a_photo_under_a_wrong_name_is_left_out() -> None:
    """A held-out person's photo that shows another goes; the other photos and the person stay."""
    rows = [
        *person("a", "test", axis(0), 5),
        ("a", "test", near((1, 0.9), rest=2)),
        *person("b", "train", axis(1)),
    ]
    assert find(rows) == (frozenset(), [5])


def test_a_photo_like_its_own_name_stays() -> None:
    """Whoever resembles another as well as himself is a hard photo, and no wrong one."""
    rows = [
        *person("a", "test", axis(0), 5),
        ("a", "test", near((0, 0.6), (1, 0.7), rest=2)),
        *person("b", "train", axis(1)),
    ]
    assert find(rows) == (frozenset(), [])


def test_a_photo_may_be_like_the_other_name_of_its_person() -> None:
    """With the second name left out, a photo that is nearer to it is still one of the first."""
    rows = [
        *person("a", "dev", axis(0), 5),
        ("a", "dev", near((0, 0.2), (1, 0.8), rest=2)),
        *person("b", "dev", near((0, 0.7), rest=1)),
    ]
    assert find(rows) == ({"s/b"}, [])


@pytest.fixture
def crop_set(tmp_path: Path) -> CropSet:
    """One trained person of three, one held out who is her double, and a photo of her."""
    people = [*["p0"] * 3, *["p1"] * 3, *["p2"] * 3, "", ""]
    photos = [Photo("s", name, f"{at}.png", f"s/{name or at}") for at, name in enumerate(people)]
    crops = np.stack([draw_crop(at, at) for at in range(len(people))])
    splits: list[Split] = [*["train"] * 3, *["test"] * 6, "test", "test"]  # type: ignore[list-item]  # literals
    CropSet.write(tmp_path, crops, photos, splits)
    vectors = [axis(0)] * 3 + [near((0, 0.8), rest=1)] * 3 + [axis(2)] * 3
    np.save(tmp_path / "teacher.npy", np.stack([*vectors, near((0, 0.7), rest=3), axis(4)]))
    return CropSet.load(tmp_path)


def test_what_was_found_is_written_down(crop_set: CropSet) -> None:
    """The side of doubles and of photos of others is ``none``, on disk too; the rest keeps its."""
    parted, found = remove_same_people(crop_set, np.load(crop_set.folder / "teacher.npy"))
    assert found == Removed(people=1, photos=1)
    assert parted.splits == (*["train"] * 3, *["none"] * 3, *["test"] * 3, "none", "test")
    assert CropSet.load(crop_set.folder).splits == parted.splits
    assert (
        remove_same_people(parted, np.load(crop_set.folder / "teacher.npy"))[0].splits
        == parted.splits
    )
