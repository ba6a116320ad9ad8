"""The list of erased people: in whatever order lists arrive, the last word counts."""

from itertools import permutations
from pathlib import Path

import pytest

from kiosk.config.keys import Config, StateSection
from kiosk.errors import GalleryError
from kiosk.people.erased import ErasedList, load_erased, mark_enrolled, save_erased


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(state=StateSection(directory=str(tmp_path)))


def test_the_list_is_kept_without_ids(config: Config) -> None:
    """Who was erased is known again after a start; the file has no id."""
    save_erased(config, ErasedList().with_mark("s-1041", 5, is_erased=True))
    assert load_erased(config).is_erased("s-1041")
    assert not load_erased(config).is_erased("s-1042")
    file = config.directory / "erased.json"
    assert b"1041" not in file.read_bytes()
    assert file.stat().st_mode & 0o007 == 0


def test_an_enrolment_ends_an_erasure(config: Config) -> None:
    """Also where the clock has gone back since."""
    save_erased(config, ErasedList().with_mark("s-1", 4_000_000_000, is_erased=True))
    mark_enrolled(config, "s-1")
    assert not load_erased(config).is_erased("s-1")


def test_the_order_of_lists_does_not_matter() -> None:
    """Three kiosks with salts of their own agree; at the same second, the erasure counts."""
    first = ErasedList().with_mark("s-1", 10, is_erased=True).with_mark("s-2", 7, is_erased=False)
    second = ErasedList().with_mark("s-1", 12, is_erased=False).with_mark("s-2", 7, is_erased=True)
    third = ErasedList().with_mark("s-1", 11, is_erased=True)
    for one, other, last in permutations((first, second, third)):
        merged = one.merged(other.marks).merged(last.marks)
        assert (merged.is_erased("s-1"), merged.is_erased("s-2")) == (False, True)
        assert merged.merged(other.marks).marks == merged.marks
        later = merged.with_mark("s-1", 0, is_erased=True)
        assert later.is_erased("s-1")


@pytest.mark.parametrize("content", [b"", b"[]", b"{" * 100_000, b'{"salt":"x","marks":{}}'])
def test_a_damaged_list_is_an_error(content: bytes, config: Config) -> None:
    """It is never taken for an empty one; the message says what deleting it means."""
    (config.directory / "erased.json").write_bytes(content)
    with pytest.raises(GalleryError, match=r"erased\.json: not a list of erased people; restore"):
        load_erased(config)
