"""The roster file: what is read, what is rejected, and how it is written."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.errors import RosterError
from kiosk.people.roster import Roster, add_to_roster, load_roster, remove_from_roster


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "roster.csv"


@pytest.mark.parametrize(
    "content",
    [
        b"subject_id,name\ns1,Ada Lovelace\ns2,Zo\xc3\xab\n",
        b"\xef\xbb\xbfsubject_id,name\r\ns1,Ada Lovelace\r\ns2,Zo\xc3\xab\r\n",
        b'subject_id, name\n\n s1 ,"Ada Lovelace"\ns2,Zo\xc3\xab',
        b"\xef\xbb\xbfsubject_id;name\r\ns1;Ada Lovelace\r\ns2;Zo\xc3\xab\r\n;\r\n;\r\n",
        b"Subject_ID,Name,,\r\n,,,\r\ns1,Ada Lovelace,,\r\ns2,Zo\xc3\xab,,\r\n,,,\r\n",
        b"subject_id\tname\r\ns1\tAda Lovelace\r\ns2\tZo\xc3\xab\r\n",
    ],
)
def test_files_of_editors_and_spreadsheets_are_read(path: Path, content: bytes) -> None:
    """Separator, line ends, byte order mark, quotes, blank rows and spaces do not matter."""
    path.write_bytes(content)
    assert dict(load_roster(path).names) == {"s1": "Ada Lovelace", "s2": "Zoë"}


def test_a_person_without_a_name_gets_the_subject_id() -> None:
    """name_of returns the id when the roster has no name."""
    roster = Roster({"s1": "Ada"})
    assert [roster.name_of("s1"), roster.name_of("s2")] == ["Ada", "s2"]


@pytest.mark.parametrize(
    ("content", "line", "expected"),
    [
        (b"", 1, "expected the line: subject_id,name"),
        (b"s1,Ada\n", 1, "expected the line: subject_id,name"),
        (b"subject_id|name\n", 1, "expected the line: subject_id,name"),
        (b"subject_id;name\ns1;Ada;Lovelace\n", 2, "3 columns, expected 2"),
        (b"subject_id,name\ns1,Ada\ns2,Bo\ns1,Cy\n", 4, "twice"),
        (b"subject_id,name\n,Ada\n", 2, "subject_id is empty"),
        (b"subject_id,name\ns1, \n", 2, "name is empty"),
        (b"subject_id,name\ns1,Ada\ns2\n", 3, "1 columns, expected 2"),
        (b"subject_id,name\ns1,Lovelace, Ada\n", 2, "3 columns, expected 2"),
        (b"subject_id,name\ns1,Ada\ns2,Zo\xeb\n", 3, "UTF-8"),
        (b'subject_id,name\ns1,"Ada\n', 2, "not CSV"),
    ],
)
def test_a_malformed_line_is_named(path: Path, content: bytes, line: int, expected: str) -> None:
    """The error has file, line and what was expected, and no person's name."""
    path.write_bytes(content)
    with pytest.raises(RosterError, match=expected) as caught:
        load_roster(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert "Ada" not in str(caught.value)


def test_an_absent_roster_is_named(path: Path) -> None:
    """Reading an absent file is an error that names it."""
    with pytest.raises(RosterError, match=r"roster\.csv: cannot be read"):
        load_roster(path)


def test_people_are_added_renamed_and_removed(path: Path) -> None:
    """The first addition creates the file; a second one with the same id replaces the name."""
    add_to_roster(path, "s1", "Ada")
    add_to_roster(path, "s2", 'Bo "the, comma"')
    add_to_roster(path, " s1 ", "Ada Lovelace")
    assert dict(load_roster(path).names) == {"s1": "Ada Lovelace", "s2": 'Bo "the, comma"'}
    assert remove_from_roster(path, "s2")
    assert not remove_from_roster(path, "s2")
    assert dict(load_roster(path).names) == {"s1": "Ada Lovelace"}
    assert [file.name for file in path.parent.iterdir()] == ["roster.csv"]


def test_a_spreadsheet_can_open_a_changed_roster_again(path: Path) -> None:
    """Separator and byte order mark stay as the spreadsheet wrote them."""
    path.write_bytes(b"\xef\xbb\xbfsubject_id;name\r\ns1;Lovelace, Ada\r\n;\r\n")
    add_to_roster(path, "s2", "Zoë; really")
    remove_from_roster(path, "s1")
    add_to_roster(path, "s1", "Lovelace, Ada")
    written = '\ufeffsubject_id;name\r\ns2;"Zoë; really"\r\ns1;Lovelace, Ada\r\n'
    assert path.read_bytes().decode() == written


def test_removing_from_an_absent_roster_is_no_error(tmp_path: Path) -> None:
    """Erasure works when a school keeps no roster."""
    assert not remove_from_roster(tmp_path / "absent.csv", "s1")


@pytest.mark.parametrize(("subject_id", "name"), [("", "Ada"), ("s1", " ")])
def test_an_empty_id_or_name_is_rejected(path: Path, subject_id: str, name: str) -> None:
    """What could not be read back is rejected, and the file is unchanged."""
    add_to_roster(path, "s0", "Zoë")
    before = path.read_bytes()
    with pytest.raises(RosterError, match="is empty"):
        add_to_roster(path, subject_id, name)
    assert path.read_bytes() == before


def test_a_malformed_roster_is_not_overwritten(path: Path) -> None:
    """Adding to an unreadable file leaves it to be repaired by hand."""
    path.write_text("id;name\n")
    with pytest.raises(RosterError):
        add_to_roster(path, "s1", "Ada")
    assert path.read_text() == "id;name\n"


def test_a_new_roster_is_private_and_changed_permissions_are_kept(path: Path) -> None:
    """A new roster is for its owner alone; bits that were changed later stay."""
    add_to_roster(path, "s1", "Ada")
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    add_to_roster(path, "s2", "Bo")
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_roster_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """An absent folder is an error that names the file."""
    with pytest.raises(RosterError, match="cannot be written"):
        add_to_roster(tmp_path / "absent" / "roster.csv", "s1", "Ada")


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(str.strip).filter(bool)


@given(st.dictionaries(words, words, max_size=5))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, names: dict[str, str]
) -> None:
    """Any ids and names, with quotes, commas and line breaks in them, are read back."""
    path = tmp_path_factory.mktemp("roster") / "roster.csv"
    for subject_id, name in names.items():
        add_to_roster(path, subject_id, name)
    assert dict(load_roster(path).names if names else {}) == names
