"""The split: whole groups, for ever, and nobody where they must not be."""

import tempfile
import unicodedata
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.errors import DatasetError
from train.dataset.crop_set import Photo
from train.dataset.sources import Source, Sources, Split
from train.dataset.split import assign_splits

NOWHERE = Path("/nonexistent")
NURIA = unicodedata.normalize("NFD", "Núria")  # as some file systems write her folder

names = st.text("abcdeé 李", min_size=1, max_size=5)
# Who, and how many photos of them; a family is the first letter of a name.
crowds = st.dictionaries(names, st.integers(1, 4), min_size=1, max_size=12)
seeds = st.integers(0, 2**32)


def photos_of(crowd: dict[str, int], source: Source) -> list[Photo]:
    return [
        Photo(source.name, person, f"{number}.jpg", source.group_of(person, f"{number}.jpg"))
        for person, count in crowd.items()
        for number in range(count)
    ]


def a_source(name: str = "s", dev: int = 0, test: int = 0, group: str = "(.)") -> Source:
    return Source(name=name, path="p", dev=dev, test=test, group=group)


def held_out(crowd: dict[str, int], data: st.DataObject) -> Source:
    """A source that holds out as many families as there are, or fewer."""
    families = len({person[0] for person in crowd})
    dev = data.draw(st.integers(0, families))
    return a_source(dev=dev, test=data.draw(st.integers(0, families - dev)))


def splits_of(source: Source, photos: list[Photo], seed: int = 1) -> dict[Photo, Split]:
    splits = assign_splits(photos, Sources(source=(source,), seed=seed), NOWHERE)
    return dict(zip(photos, splits, strict=True))


@given(crowds, seeds, st.data())
def test_a_group_is_never_parted(crowd: dict[str, int], seed: int, data: st.DataObject) -> None:
    """All photos of a family, and so of a person, are on one side."""
    source = held_out(crowd, data)
    found = defaultdict(set)
    for photo, side in splits_of(source, photos_of(crowd, source), seed).items():
        found[photo.group].add(side)
    assert all(len(splits) == 1 for splits in found.values())


@given(crowds, seeds, st.data())
def test_as_many_groups_are_held_out_as_asked(
    crowd: dict[str, int], seed: int, data: st.DataObject
) -> None:
    """Development and test get their number of families, and training the rest."""
    source = held_out(crowd, data)
    found = splits_of(source, photos_of(crowd, source), seed)
    groups = {side: {p.group for p, s in found.items() if s == side} for side in found.values()}
    assert len(groups.get("dev", ())) == source.dev
    assert len(groups.get("test", ())) == source.test


@given(crowds, seeds, st.data())
def test_a_new_photo_moves_nobody(crowd: dict[str, int], seed: int, data: st.DataObject) -> None:
    """More photos of the same people, in whatever order, leave everybody where they were."""
    source = held_out(crowd, data)
    photos = photos_of(crowd, source)
    more = photos_of({person: count + 2 for person, count in crowd.items()}, source)
    before = splits_of(source, photos, seed)
    after = splits_of(source, data.draw(st.permutations(more)), seed)
    assert all(after[photo] == side for photo, side in before.items())


@given(crowds, names, seeds, st.data())
def test_a_new_person_sends_at_most_one_group_on(
    crowd: dict[str, int], newcomer: str, seed: int, data: st.DataObject
) -> None:
    """Somebody new may take a place, and then one group of each side moves to the next."""
    source = held_out(crowd, data)
    before = splits_of(source, photos_of(crowd, source), seed)
    after = splits_of(source, photos_of({newcomer: 1, **crowd}, source), seed)
    moved = {(p.group, side, after[p]) for p, side in before.items() if after[p] != side}
    assert len({group for group, _, _ in moved}) == len(moved) <= 2
    assert {way[1:] for way in moved} <= {("dev", "test"), ("dev", "train"), ("test", "train")}


def test_the_seed_decides() -> None:
    """Another seed puts other people aside."""
    source = a_source(dev=10, test=10, group="")
    photos = photos_of({f"p{number}": 1 for number in range(100)}, source)
    assert splits_of(source, photos, 1) == splits_of(source, photos, 1)
    assert splits_of(source, photos, 1) != splits_of(source, photos, 2)


def test_sources_do_not_mix() -> None:
    """People of one name in two sources are two people, each split by their own source."""
    one, other = a_source("one", dev=1), a_source("other")
    photos = [*photos_of({"x": 2}, one), *photos_of({"x": 2}, other)]
    splits = assign_splits(photos, Sources(source=(one, other)), NOWHERE)
    assert splits == ["dev", "dev", "train", "train"]


def test_photos_of_nobody_named_are_split_one_by_one() -> None:
    """Without a name each photo is a group of its own."""
    source = a_source(dev=3, test=4, group="")
    found = list(splits_of(source, photos_of({"": 20}, source)).values())
    assert (found.count("dev"), found.count("test"), found.count("train")) == (3, 4, 13)


@pytest.mark.parametrize("side", ["train", "dev", "test", "none"])
def test_a_source_may_be_put_on_one_side(side: Split) -> None:
    """A side that is named takes everybody, whatever the numbers say."""
    source = Source(name="s", path="p", side=side, dev=1, test=1)
    assert set(splits_of(source, photos_of({"a": 1, "b": 2, "c": 1}, source)).values()) == {side}


def test_only_people_with_enough_photos_are_held_out() -> None:
    """A group is held out only if some person in it has as many photos as asked."""
    source = Source(name="s", path="p", dev=2, test=1, hold_out_photos_min=3)
    crowd = {f"few{n}": 2 for n in range(30)} | {"many0": 3, "many1": 4, "many2": 9}
    found = splits_of(source, photos_of(crowd, source))
    assert {p.person for p, side in found.items() if side != "train"} == {"many0", "many1", "many2"}


def test_too_few_groups_are_an_error() -> None:
    """The error names the source, what there is and what was asked for."""
    source = Source(name="s", path="p", dev=2, test=1, hold_out_photos_min=2)
    with pytest.raises(DatasetError, match=r"'s': 2 groups .*expected 2 for development and 1"):
        splits_of(source, photos_of({"a": 2, "b": 5, "c": 1}, source))


def splits_with_list(folder: Path, text: str, source: Source) -> dict[str, set[Split]]:
    """Sides by person, for a source whose list of people for the test alone holds ``text``."""
    (folder / "kept.txt").write_text(text, encoding="utf-8")
    crowd = dict.fromkeys(("Ana María", "Zoë", NURIA, "F1_a", "F1_b", *"abcdefghij"), 2)
    photos = photos_of(crowd, source)
    found: defaultdict[str, set[Split]] = defaultdict(set)
    splits = assign_splits(photos, Sources(source=(source,)), folder)
    for photo, side in zip(photos, splits, strict=True):
        found[photo.person].add(side)
    return found


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("set/Ana María\n", {"Ana María"}),
        ("Ana María", {"Ana María"}),
        (unicodedata.normalize("NFD", "set/Zoë\nset/Ana María\n"), {"Ana María", "Zoë"}),
        ("\ufeffset/Zoë\r\n\r\n  set/a  \r\n", {"Zoë", "a"}),
        (unicodedata.normalize("NFC", f"set/{NURIA}"), {NURIA}),
        ("other/F1_a\n", {"F1_a", "F1_b"}),
        ("set/María\nset/nobody\n", set()),
    ],
    ids=[
        "spaces",
        "name alone",
        "accents",
        "from Windows",
        "accents of the folder",
        "a family",
        "not in this set",
    ],
)
@pytest.mark.parametrize("side", [None, "train", "dev"])
def test_people_for_the_test_alone_are_on_no_other_side(
    tmp_path: Path, text: str, kept: set[str], side: Split | None
) -> None:
    """Whoever the list names, however it is written, is tested on, with their whole group."""
    source = Source(name="s", path="p", test_only="kept.txt", group="^(F[0-9]+)_", side=side)
    found = splits_with_list(tmp_path, text, source)
    assert {person for person, splits in found.items() if splits == {"test"}} == kept
    assert all(found[person] == {side or "train"} for person in found.keys() - kept)


def test_a_source_on_no_side_stays_there(tmp_path: Path) -> None:
    """People for the test alone are not tested on either when their source is put aside."""
    source = Source(name="s", path="p", test_only="kept.txt", side="none")
    found = splits_with_list(tmp_path, "Zoë", source)
    assert all(splits == {"none"} for splits in found.values())


@given(st.sets(st.sampled_from([f"p{n}" for n in range(12)]), max_size=8), seeds)
def test_people_for_the_test_alone_do_not_count_as_held_out(kept: set[str], seed: int) -> None:
    """The numbers to hold out are filled from the others."""
    source = Source(name="s", path="p", dev=2, test=2, test_only="kept.txt")
    photos = photos_of({f"p{n}": 1 for n in range(12)}, source)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "kept.txt").write_text("\n".join(kept), encoding="utf-8")
        found = assign_splits(photos, Sources(source=(source,), seed=seed), Path(folder))
    people = {photo.person: side for photo, side in zip(photos, found, strict=True)}
    assert all(people[name] == "test" for name in kept)
    others = [side for name, side in people.items() if name not in kept]
    assert (others.count("dev"), others.count("test")) == (2, 2)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_list_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    """Without the list nothing is split: training on those people would be the worse."""
    if content is not None:
        (tmp_path / "kept.txt").write_bytes(content)
    source = Source(name="s", path="p", test_only="kept.txt")
    photos = photos_of({"a": 1}, source)
    with pytest.raises(DatasetError, match=r"kept\.txt: cannot be read"):
        assign_splits(photos, Sources(source=(source,)), tmp_path)
