"""The split: whole groups, independent of other photos, and people for the test alone."""

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
def test_a_group_is_in_one_split(crowd: dict[str, int], seed: int, data: st.DataObject) -> None:
    """All photos of a family, and so of a person, are in one split."""
    source = held_out(crowd, data)
    found = defaultdict(set)
    for photo, split in splits_of(source, photos_of(crowd, source), seed).items():
        found[photo.group].add(split)
    assert all(len(splits) == 1 for splits in found.values())


@given(crowds, seeds, st.data())
def test_the_given_number_of_groups_is_held_out(
    crowd: dict[str, int], seed: int, data: st.DataObject
) -> None:
    """Development and test get the given numbers of families, training gets the rest."""
    source = held_out(crowd, data)
    found = splits_of(source, photos_of(crowd, source), seed)
    groups = {split: {p.group for p, s in found.items() if s == split} for split in found.values()}
    assert len(groups.get("dev", ())) == source.dev
    assert len(groups.get("test", ())) == source.test


@given(crowds, seeds, st.data())
def test_a_new_photo_moves_nobody(crowd: dict[str, int], seed: int, data: st.DataObject) -> None:
    """More photos of the same people, in any order, change no person's split."""
    source = held_out(crowd, data)
    photos = photos_of(crowd, source)
    more = photos_of({person: count + 2 for person, count in crowd.items()}, source)
    before = splits_of(source, photos, seed)
    after = splits_of(source, data.draw(st.permutations(more)), seed)
    assert all(after[photo] == split for photo, split in before.items())


@given(crowds, names, seeds, st.data())
def test_a_new_person_moves_at_most_one_group_per_split(
    crowd: dict[str, int], newcomer: str, seed: int, data: st.DataObject
) -> None:
    """A new person may take a place, and then one group of each split moves to the next split."""
    source = held_out(crowd, data)
    before = splits_of(source, photos_of(crowd, source), seed)
    after = splits_of(source, photos_of({newcomer: 1, **crowd}, source), seed)
    moved = {(p.group, split, after[p]) for p, split in before.items() if after[p] != split}
    assert len({group for group, _, _ in moved}) == len(moved) <= 2
    assert {way[1:] for way in moved} <= {("dev", "test"), ("dev", "train"), ("test", "train")}


def test_the_seed_decides() -> None:
    """Another seed holds out other people."""
    source = a_source(dev=10, test=10, group="")
    photos = photos_of({f"p{number}": 1 for number in range(100)}, source)
    assert splits_of(source, photos, 1) == splits_of(source, photos, 1)
    assert splits_of(source, photos, 1) != splits_of(source, photos, 2)


def test_sources_do_not_mix() -> None:
    """People of one name in two sources are two people, each split by the rules of its source."""
    one, other = a_source("one", dev=1), a_source("other")
    photos = [*photos_of({"x": 2}, one), *photos_of({"x": 2}, other)]
    splits = assign_splits(photos, Sources(source=(one, other)), NOWHERE)
    assert splits == ["dev", "dev", "train", "train"]


def test_unnamed_photos_are_split_one_by_one() -> None:
    """Each unnamed photo is a group of its own."""
    source = a_source(dev=3, test=4, group="")
    found = list(splits_of(source, photos_of({"": 20}, source)).values())
    assert (found.count("dev"), found.count("test"), found.count("train")) == (3, 4, 13)


@pytest.mark.parametrize("split", ["train", "dev", "test", "none"])
def test_a_source_may_be_put_in_one_split(split: Split) -> None:
    """With ``side`` everybody is in that split, and the numbers are ignored."""
    source = Source(name="s", path="p", split=split, dev=1, test=1)
    assert set(splits_of(source, photos_of({"a": 1, "b": 2, "c": 1}, source)).values()) == {split}


def test_only_people_with_enough_photos_are_held_out() -> None:
    """A group is held out only if some person in it has enough photos."""
    source = Source(name="s", path="p", dev=2, test=1, hold_out_photos_min=3)
    crowd = {f"few{n}": 2 for n in range(30)} | {"many0": 3, "many1": 4, "many2": 9}
    found = splits_of(source, photos_of(crowd, source))
    assert {p.person for p, split in found.items() if split != "train"} == {
        "many0",
        "many1",
        "many2",
    }


def test_too_few_groups_are_an_error() -> None:
    """The error names the source, the number of groups and the number asked for."""
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
    for photo, split in zip(photos, splits, strict=True):
        found[photo.person].add(split)
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
@pytest.mark.parametrize("split", [None, "train", "dev"])
def test_people_for_the_test_alone_are_in_the_test_split(
    tmp_path: Path, text: str, kept: set[str], split: Split | None
) -> None:
    """People on the list, in either Unicode form, are in the test split with their whole group."""
    source = Source(name="s", path="p", test_only="kept.txt", group="^(F[0-9]+)_", split=split)
    found = splits_with_list(tmp_path, text, source)
    assert {person for person, splits in found.items() if splits == {"test"}} == kept
    assert all(found[person] == {split or "train"} for person in found.keys() - kept)


def test_a_source_in_the_split_none_stays_there(tmp_path: Path) -> None:
    """If the source is in the split ``none``, people for the test alone are too."""
    source = Source(name="s", path="p", test_only="kept.txt", split="none")
    found = splits_with_list(tmp_path, "Zoë", source)
    assert all(splits == {"none"} for splits in found.values())


@given(st.sets(st.sampled_from([f"p{n}" for n in range(12)]), max_size=8), seeds)
def test_people_for_the_test_alone_do_not_count_as_held_out(kept: set[str], seed: int) -> None:
    """People for the test alone do not count towards the numbers to hold out."""
    source = Source(name="s", path="p", dev=2, test=2, test_only="kept.txt")
    photos = photos_of({f"p{n}": 1 for n in range(12)}, source)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "kept.txt").write_text("\n".join(kept), encoding="utf-8")
        found = assign_splits(photos, Sources(source=(source,), seed=seed), Path(folder))
    people = {photo.person: split for photo, split in zip(photos, found, strict=True)}
    assert all(people[name] == "test" for name in kept)
    others = [split for name, split in people.items() if name not in kept]
    assert (others.count("dev"), others.count("test")) == (2, 2)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_list_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    """An unreadable list is an error, because those people must not be trained on."""
    if content is not None:
        (tmp_path / "kept.txt").write_bytes(content)
    source = Source(name="s", path="p", test_only="kept.txt")
    photos = photos_of({"a": 1}, source)
    with pytest.raises(DatasetError, match=r"kept\.txt: cannot be read"):
        assign_splits(photos, Sources(source=(source,)), tmp_path)
