from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from kiosk.errors import DatasetError
from kiosk.records import Image
from train.dataset.near_duplicates import (
    BURST,
    NEAR_DUPLICATE,
    groups,
    near_duplicates,
    split_groups,
    within_person,
)

SHARED = Path(__file__).parents[4] / "shared"

few_crops = npst.arrays(
    np.uint8, st.tuples(st.integers(1, 6), st.just(24), st.just(24), st.just(3))
)
items = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 12), min_size=n, max_size=n),
        st.none() | st.lists(st.integers(0, 4), min_size=n, max_size=n),
    )
)
shares = st.sampled_from([(0.8, 0.2), (0.5, 0.5), (0.7, 0.2, 0.1), (1.0,)])
seeds = st.integers(0, 2**32 - 1)


def draw(seed: int, side: int = 112) -> Image:
    """A picture with structure at the scale of a face's."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def as_jpeg(image: Image) -> Image:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def as_thumbnail(image: Image) -> Image:
    small = cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, image.shape[1::-1]), np.uint8)


def as_brighter(image: Image) -> Image:
    return np.asarray(255 * (image / 255) ** 0.7, np.uint8)


@settings(deadline=None, max_examples=50)
@given(few_crops, st.data())
def test_an_exact_copy_is_found(crops: Image, data: st.DataObject) -> None:
    """A copy of any crop, even of one grey, is found at a threshold of 1."""
    original = data.draw(st.integers(0, len(crops) - 1))
    with_copy = np.concatenate([crops, crops[original : original + 1]])
    assert (original, len(crops)) in near_duplicates(with_copy, 1.0)


@settings(deadline=None, max_examples=50)
@given(few_crops, st.sampled_from([0.3, 0.9]))
def test_order_does_not_matter(crops: Image, threshold: float) -> None:
    """Reversed crops give the reversed pairs."""
    last = len(crops) - 1
    mirrored = [(last - j, last - i) for i, j in near_duplicates(crops[::-1], threshold)]
    assert sorted(mirrored) == near_duplicates(crops, threshold)


@settings(deadline=None, max_examples=50)
@given(few_crops, st.floats(0.1, 1.0))
def test_pairs_are_unique_and_in_order(crops: Image, threshold: float) -> None:
    """No crop is paired with itself, no pair appears twice, and the smaller index is first."""
    pairs = near_duplicates(crops, threshold)
    assert pairs == sorted(set(pairs))
    assert all(0 <= i < j < len(crops) for i, j in pairs)


@pytest.mark.parametrize("change", [as_jpeg, as_thumbnail, as_brighter])
def test_the_same_photo_saved_again_is_a_near_duplicate(change: Callable[[Image], Image]) -> None:
    """A compressed, reduced or brightened copy is a near-duplicate."""
    photo = draw(1)
    assert near_duplicates(np.stack([photo, draw(2), change(photo)])) == [(0, 2)]


def test_pairs_across_blocks_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparison in blocks finds every pair once."""
    monkeypatch.setattr("train.dataset.near_duplicates._BLOCK", 4)
    crops = np.stack([draw(seed % 5) for seed in range(13)])
    expected = [(i, j) for i in range(13) for j in range(i + 1, 13) if (j - i) % 5 == 0]
    assert near_duplicates(crops) == expected


@pytest.mark.parametrize(
    ("shape", "dtype", "threshold", "said"),
    [
        ((2, 24, 24), np.uint8, 0.9, "uint8"),
        ((2, 24, 24, 1), np.uint8, 0.9, "height, width, 3"),
        ((2, 24, 24, 3), np.float32, 0.9, "float32"),
        ((2, 24, 24, 3), np.uint8, 0.0, "threshold"),
        ((2, 24, 24, 3), np.uint8, 1.1, "threshold"),
    ],
)
def test_crops_that_cannot_be_compared_are_an_error(
    shape: tuple[int, ...], dtype: type, threshold: float, said: str
) -> None:
    """The error names an array of another shape or type, or a threshold out of range."""
    with pytest.raises(DatasetError, match=said):
        near_duplicates(np.zeros(shape, dtype), threshold)


def test_no_crops_have_no_duplicates() -> None:
    """An empty array is no error."""
    assert near_duplicates(np.empty((0, 24, 24, 3), np.uint8)) == []


def test_links_within_a_person_are_kept() -> None:
    """A link between two people is removed, a link within a person stays."""
    assert within_person([(0, 1), (1, 2)], [7, 7, 8]) == [(0, 1)]


@given(st.integers(1, 30), st.data())
def test_groups_are_the_connected_items(n: int, data: st.DataObject) -> None:
    """Two items share a group exactly if a chain of links connects them."""
    item = st.integers(0, n - 1)
    links = data.draw(st.lists(st.tuples(item, item), max_size=30))
    reach = np.eye(n, dtype=np.bool_)
    for i, j in links:
        reach[i, j] = reach[j, i] = True
    for _ in range(n):
        reach = reach @ reach
    found = groups(n, links)
    assert np.array_equal(found[:, None] == found[None], reach)


def test_groups_are_numbered_as_they_appear() -> None:
    """The first item is in group 0, and each new group gets the next number."""
    assert groups(5, [(3, 0), (4, 2)]).tolist() == [0, 1, 2, 0, 2]


@pytest.mark.parametrize("link", [(0, 3), (-1, 0)])
def test_a_link_to_an_absent_item_is_an_error(link: tuple[int, int]) -> None:
    """A link to an absent item is an error."""
    with pytest.raises(DatasetError, match="0 to 2"):
        groups(3, [link])


@given(items, shares, seeds)
def test_a_group_is_never_divided(
    case: tuple[list[int], list[int] | None], fractions: tuple[float, ...], seed: int
) -> None:
    """All items of a group are in one part, and each item is in exactly one part."""
    group_of, labels = case
    parts = split_groups(group_of, labels, fractions, seed)
    assert parts.shape == (len(group_of),)
    assert set(parts.tolist()) <= set(range(len(fractions)))
    for group in set(group_of):
        assert len(set(parts[np.array(group_of) == group].tolist())) == 1


@given(items, shares, seeds)
def test_the_same_seed_gives_the_same_split(
    case: tuple[list[int], list[int] | None], fractions: tuple[float, ...], seed: int
) -> None:
    """A split can be reproduced from its seed."""
    first = split_groups(*case, fractions, seed)
    assert np.array_equal(first, split_groups(*case, fractions, seed))


def test_another_seed_gives_another_split() -> None:
    """Two seeds give two splits."""
    items = range(100)
    one, other = (split_groups(items, None, (0.5, 0.5), seed) for seed in (1, 2))
    assert not np.array_equal(one, other)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), seeds)
def test_each_person_is_divided_by_the_fractions(labels: list[int], seed: int) -> None:
    """Without groups, every person's share is exact to within one photo."""
    parts = split_groups(range(len(labels)), labels, (0.8, 0.2), seed)
    for person in set(labels):
        own = parts[np.array(labels) == person]
        assert abs(np.sum(own == 1) - 0.2 * len(own)) <= 1


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), seeds)
def test_everybody_is_in_the_largest_part(labels: list[int], seed: int) -> None:
    """A person with one photo is in the largest part, so nobody is held out completely."""
    parts = split_groups(range(len(labels)), labels, (0.2, 0.8), seed)
    assert {label for label, part in zip(labels, parts, strict=True) if part == 1} == set(labels)


@pytest.mark.parametrize("fractions", [(0.5, 0.4), (1.2, -0.2), (1.0, 0.0), ()])
def test_fractions_must_be_shares(fractions: tuple[float, ...]) -> None:
    """Shares that are not positive or do not sum to 1 are an error."""
    with pytest.raises(DatasetError, match="sum to 1"):
        split_groups([0, 1], None, fractions, 0)


def test_labels_must_fit_groups() -> None:
    """A number of labels other than that of the items is an error."""
    with pytest.raises(DatasetError, match="labels"):
        split_groups([0, 1, 2], [0, 1], (0.8, 0.2), 0)


def test_few_real_photos_are_near_duplicates() -> None:
    """On real crops few pairs are near-duplicates, and no burst has more than two photos."""
    archive = SHARED / "data" / "faces" / "web_celebrities.zip"
    if not archive.exists():
        pytest.skip(f"{archive} is absent: real faces are not part of the repository")
    with ZipFile(archive) as photos:
        names = sorted(name for name in photos.namelist() if name.endswith(".webp"))[:1000]
        raw = [np.frombuffer(photos.read(name), np.uint8) for name in names]
    bgr = [np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8) for data in raw]
    crops = np.stack(bgr)[..., ::-1]
    people = np.unique([name.split("/")[0] for name in names], return_inverse=True)[1]
    bursts = within_person(near_duplicates(crops, BURST), people)
    assert len(near_duplicates(crops, NEAR_DUPLICATE)) <= len(names) // 200
    assert np.bincount(groups(len(names), bursts)).max() <= 2
