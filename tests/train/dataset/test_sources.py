"""The list of sources: its keys, its groups, and the description of a plain folder."""

from pathlib import Path

import pytest

import train
from kiosk.errors import DatasetError
from train.dataset.sources import Source, folder_source, load_sources, read_sources

SHIPPED = Path(train.__file__).parent


def written(folder: Path, text: str) -> Path:
    path = folder / "sources.toml"
    path.write_text(text, encoding="utf-8")
    return path


def people(folder: Path, count: int) -> Path:
    for number in range(count):
        (folder / f"person {number}").mkdir()
    (folder / "notes.txt").touch()
    return folder


def test_a_source_needs_only_a_name_and_a_path(tmp_path: Path) -> None:
    """All other keys have defaults: photos to align, each person alone, nobody held out."""
    sources = load_sources(written(tmp_path, '[[source]]\nname = "photos"\npath = "p"\n'))
    assert sources.source == (Source(name="photos", path="p"),)
    assert not sources.source[0].aligned
    assert (sources.source[0].dev, sources.source[0].test, sources.source[0].split) == (0, 0, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "source"),
        ("source = []", "source"),
        ('[[source]]\nname = "a"', "path"),
        ('[[source]]\nname = "A b"\npath = "p"', r"name"),
        ('[[source]]\nname = "a"\npath = "p"\ncolour = 1', "colour"),
        ('[[source]]\nname = "a"\npath = "p"\ndev = -1', "dev"),
        ('[[source]]\nname = "a"\npath = "p"\nside = "left"', "side"),
        ('[[source]]\nname = "a"\npath = "p"\nhold_out_photos_min = 0', "hold_out_photos_min"),
        ('[[source]]\nname = "a"\npath = "p"\ngroup = "(F[0-9]+"', r"group: '\(F\[0-9\]\+'"),
        ('[[source]]\nname = "a"\npath = "p"\ngroup = "^F[0-9]+_"', r"has no \(group\)"),
        ('[[source]]\nname = "a"\npath = "p"\n[[source]]\nname = "a"\npath = "q"', "a twice"),
        ("source = [", ""),
    ],
)
def test_a_wrong_list_is_an_error_with_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    """The error names the file and what is wrong in it."""
    with pytest.raises(DatasetError, match=rf"sources\.toml: .*{said}"):
        load_sources(written(tmp_path, text))


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_list_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    """An absent file and a file that is no text are errors that name it."""
    path = tmp_path / "sources.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"sources\.toml"):
        load_sources(path)


@pytest.mark.parametrize(
    ("group", "person", "photo", "together"),
    [
        ("", "Ana María", "1.jpg", "s/Ana María"),
        ("^(F[0-9]+)_", "F0012_MID3", "1.jpg", "s/F0012"),
        ("^(F[0-9]+)_", "F0012_MID4", "2.jpg", "s/F0012"),
        ("^(F[0-9]+)_", "nobody's child", "1.jpg", "s/nobody's child"),
        ("", "", "1.jpg", "s/1.jpg"),
        ("^(F[0-9]+)_", "", "F0012_1.jpg", "s/F0012_1.jpg"),
    ],
)
def test_a_group_is_a_family_a_person_or_a_photo(
    group: str, person: str, photo: str, together: str
) -> None:
    """A group is a family by the expression, else a person, else an unnamed photo."""
    assert Source(name="s", path="p", group=group).group_of(person, photo) == together


@pytest.mark.parametrize("name", ["research.toml", "standin.toml"])
def test_the_shipped_lists_can_be_read(name: str) -> None:
    """Every shipped list is a valid list of sources."""
    assert load_sources(SHIPPED / name).source


def test_relatives_stay_together_in_the_shipped_list() -> None:
    """Two members of one family of the research sets are one group."""
    sources = load_sources(SHIPPED / "research.toml").source
    families = next(source for source in sources if source.name == "families")
    assert families.group_of("F0009_MID1", "a") == families.group_of("F0009_MID7", "b")
    assert families.group_of("F0009_MID1", "a") != families.group_of("F0010_MID1", "a")


@pytest.mark.parametrize(("count", "held_out"), [(1, 0), (5, 0), (6, 2), (29, 2), (30, 3), (45, 4)])
def test_a_folder_holds_out_a_tenth_and_at_least_two_people(
    tmp_path: Path, count: int, held_out: int
) -> None:
    """With six people or more, at least two are held out: one to enrol and one stranger."""
    (source,) = folder_source(people(tmp_path, count)).source
    assert (source.dev, source.test) == (held_out, held_out)


def test_a_folder_is_found_from_any_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative folder is relative to the working directory, with any root."""
    (tmp_path / "photos").mkdir()
    people(tmp_path / "photos", 1)
    monkeypatch.chdir(tmp_path)
    (source,) = folder_source(Path("photos")).source
    assert Path("/elsewhere") / source.path == tmp_path / "photos"


def test_a_folder_without_people_is_an_error(tmp_path: Path) -> None:
    """A folder of photos without sub-folders, or an absent folder, is an error."""
    (tmp_path / "1.jpg").touch()
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(
            DatasetError, match=rf"^{folder}: .*one sub-folder of photos per person"
        ):
            folder_source(folder)


def test_a_list_has_the_suffix_toml(tmp_path: Path) -> None:
    """A path with the suffix .toml is a list, every other path a folder."""
    listed = written(people(tmp_path, 2), '[[source]]\nname = "listed"\npath = "p"\n')
    assert read_sources(listed).source[0].name == "listed"
    assert read_sources(tmp_path).source[0].name == "photos"
