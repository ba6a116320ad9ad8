"""CSV lists that a person has prepared."""

from pathlib import Path

import pytest

from kiosk.errors import RosterError
from kiosk.register.commands.lists import read_list

HEADER = ("subject_id", "name")


def read(folder: Path, data: bytes) -> list[tuple[str, ...]]:
    path = folder / "people.csv"
    path.write_bytes(data)
    return read_list(path, HEADER, HEADER[:1])


def test_a_list_is_read(tmp_path: Path) -> None:
    """A byte order mark, quotes, blank lines and spaces around values are accepted."""
    text = '\ufeffsubject_id,name\n\n s-1 ,"Ada, Countess"\r\ns-2,José\n'
    assert read(tmp_path, text.encode()) == [("s-1", "Ada, Countess"), ("s-2", "José")]


@pytest.mark.parametrize(
    "text",
    [
        "Subject_ID, Name\ns-1,Ada\n",
        "subject_id;name\ns-1;Ada\n",
        "subject_id\tNAME\ns-1\tAda\n",
        "subject_id,name,,\n,,,\ns-1,Ada,,\n",
    ],
)
def test_a_spreadsheet_may_write_it_in_its_way(text: str, tmp_path: Path) -> None:
    """What the kiosk's roster may look like, a list of the register may, too."""
    assert read(tmp_path, text.encode()) == [("s-1", "Ada")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", ":1: the header is wrong"),
        (b"s-1,Ada\n", ":1: the header is wrong"),
        (b"subject_id,name\n", "an empty list would reject all"),
        (b"subject_id,name\n\xff,x\n", "not UTF-8"),
        (b'subject_id,name\n"a\n', "not CSV"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    """The message says what to change."""
    with pytest.raises(RosterError, match=message):
        read(tmp_path, data)


def test_every_wrong_line_is_named_at_once(tmp_path: Path) -> None:
    """A person corrects the file once; what stands in it, which may be a name, is not printed."""
    lines = ["subject_id,name", "s-1,Ada", "s-2", "s-1,Eve", ",Ben", "s-3,\x1b[2J", "s-4,Ida"]
    with pytest.raises(RosterError) as error:
        read(tmp_path, "\n".join(lines).encode())
    found = [line.partition("people.csv:")[2] for line in str(error.value).splitlines()]
    assert found == [
        "3: 1 columns, expected 2: subject_id,name",
        "4: the same subject_id as line 2",
        "5: subject_id is empty",
        "6: name is longer than 200 characters, or not printable",
    ]


def test_spaces_and_joiners_of_other_scripts_are_part_of_a_name(tmp_path: Path) -> None:
    """A no-break space and a zero-width joiner are accepted."""
    rows = read(tmp_path, "subject_id,name\ns-1,Ada\u00a0क्\u200dष\n".encode())
    assert rows == [("s-1", "Ada\u00a0क्\u200dष")]


def test_many_wrong_lines_are_counted(tmp_path: Path) -> None:
    """The message stays readable."""
    with pytest.raises(RosterError, match="and 80 more"):
        read(tmp_path, b"subject_id,name\n" + b"x\n" * 100)
