"""A roster as one plain CSV, in every form that Excel gives it."""

from datetime import date

import pytest

from kiosk.register.imports.outcome import Outcome
from kiosk.register.imports.records import ClassRow, MembershipRow, PersonRow, Roster
from kiosk.register.imports.roster_csv import read_roster

TEXT = "id,name,class\r\ns-1,José Núñez,10B\r\ns-2,Ana Ñandú,10B\r\n"


def read(text: str | bytes) -> Outcome[Roster]:
    return read_roster(text.encode() if isinstance(text, str) else text, "list.csv")


def problems(text: str | bytes) -> list[str]:
    found = read(text)
    assert found.content is None
    return [str(one) for one in found.problems]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_every_form_of_excel_is_read(encoding: str, separator: str) -> None:
    """UTF-8, UTF-16 and Windows-1252; comma, semicolon and tab."""
    found = read(TEXT.replace(",", separator).encode(encoding))
    assert found.content == Roster(
        people=(PersonRow("s-1", "José Núñez"), PersonRow("s-2", "Ana Ñandú")),
        classes=(ClassRow("10B", "10B"),),
        memberships=(MembershipRow("s-1", "10B"), MembershipRow("s-2", "10B")),
    )
    assert [one.text[:9] for one in found.notes] == (["not UTF-8"] if encoding == "cp1252" else [])


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\r\nMatrícula;Nombre Completo;GRUPO\r\ns-1;Ada;10B\r\n",
        '"id","name","class"\n"s-1","Ada","10B"\n\n;;\n',
        "id, name , class ,\ns-1, Ada , 10B,\n , , ,\n",
        "class\tname\tid\n10B\tAda\ts-1\n",
        "\n \r\nid;name;class\ns-1;Ada;10B\n",
        "; ; \n \nid;name;class\ns-1;Ada;10B\n",
        "\t\t\nid\tname\tclass\ns-1\tAda\t10B\n",
        "\nsep=;\n\nid;name;class\ns-1;Ada;10B\n",
        "id;name;class\rs-1;Ada;10B\r",
    ],
)
def test_blanks_quotes_order_and_spanish_names_do_not_matter(text: str) -> None:
    """The header says what each column is."""
    found = read(text.replace(";;\n", ",,\n"))
    assert found.content is not None
    assert found.content.people == (PersonRow("s-1", "Ada"),)


def test_all_columns_are_read() -> None:
    """Both days are included."""
    header = "id,name,class,idnumber,correo,begin,hasta\n"
    found = read(f"{header}s-1,Ada,10B,1041,ada@example.org,2026-08-31,2026-12-18\n")
    assert found.content is not None
    assert found.content.people == (PersonRow("s-1", "Ada", "student", "1041", "ada@example.org"),)
    (member,) = found.content.memberships
    assert (member.begin, member.end) == (date(2026, 8, 31), date(2026, 12, 18))


@pytest.mark.parametrize(
    ("cells", "begin"),
    [
        (("31/08/2026", "1/9/2026"), date(2026, 9, 1)),
        (("8/31/2026", "9/1/2026"), date(2026, 9, 1)),
        (("31.08.2026", "01.09.2026"), date(2026, 9, 1)),
        (("2026-8-31", "2026-09-01 00:00:00"), date(2026, 9, 1)),
    ],
)
def test_what_excel_made_of_dates_is_read(cells: tuple[str, str], begin: date) -> None:
    """One number above 12 shows whether the day or the month stands first."""
    found = read("id,name,class,begin\n" + f"s-1,A,10B,{cells[0]}\ns-2,B,10B,{cells[1]}\n")
    assert found.content is not None
    assert found.content.memberships[1].begin == begin


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "list.csv: empty; the first line has the columns"),
        ("id,name,class\n", "list.csv:1: no rows below the header"),
        ("id,name\ns-1,Ada\n", "list.csv:1: class: the column is missing"),
        ("id,name,class,class\ns-1,A,b,c\n", "list.csv:1: class: two columns have this name"),
        ("id,name,class\ns-1,Lovelace, Ada,10B\n", 'list.csv:2: 4 cells, the header has 3; put "q'),
        ('id,name,class\ns-1,"Ada,10B\n', "list.csv:2: not CSV: unexpected end of data"),
        ("id,name,class\n\n\ns-1,,10B\n", "list.csv:4: name: empty"),
        ("\n\nid;name;class\n\ns-1;;10B\n", "list.csv:5: name: empty"),
        ("\nsep=;\n\nid;name;class\ns-1;;10B\n", "list.csv:5: name: empty"),
        ("\n\n ;; \n", "list.csv: empty; the first line has the columns"),
        ("id,name,class\ns/1,Ada,10B\n", "list.csv:2: id: at most 64 letters"),
        ("id,name,class\ns-1,Ada,..\n", 'list.csv:2: class: has the part "." or ".."'),
        ("id,name,class\ns-1,Ada,7/./B\n", 'list.csv:2: class: has the part "." or ".."'),
        ("id,name,class\ns-1,A\x07da,10B\n", "list.csv:2: name: U+0007 does not print; delete it"),
        (f"id,name,class\ns-1,{'A' * 501},10B\n", "list.csv:2: name: longer than 500 characters"),
        ("id,name,class\ns-1,\u200f,10B\n", "list.csv:2: name: empty"),
        ("id,name,class\ns-1,Ada,10B\ns-1,Bob,9A\n", "list.csv:3: name: line 2 has another one"),
        ("id,name,class\ns-1,Ada,10B\ns-1,Ada,10B\n", "list.csv:3: the same person and class as"),
        ("id,name,class,end\ns-1,A,b,1/2/2026\n", "list.csv:2: end: day and month cannot be told"),
        ("id,name,class,end\ns-1,A,b,2026-02-30\n", "list.csv:2: end: no such date"),
        ("id,name,class,end\ns-1,A,b,soon\n", "list.csv:2: end: expected a date such as 2026"),
        ("id,name,class,begin,end\ns-1,A,b,2026-02-03,2026-02-02\n", "list.csv:2: end: before"),
        (b"id,name,class\ns-1,\x81,b\n", "list.csv: neither UTF-8, UTF-16 nor Windows-1252"),
        (b"\x89PNG\0\0\0", "list.csv: neither UTF-8"),
        (b"x" * 20_000_001, "list.csv: larger than 20 MB"),
    ],
)
def test_a_mistake_is_named_by_its_line(text: str | bytes, expected: str) -> None:
    """And nothing of the file is read."""
    (problem,) = problems(text)
    assert problem.startswith(expected)


@pytest.mark.parametrize("mark", ["\u200e", "\u200f", "\u061c", "\u00ad", "\ufeff"])
def test_marks_that_nobody_sees_are_dropped(mark: str) -> None:
    """Marks of direction, soft hyphens, byte order marks: in each cell, at its ends and within."""
    text = (
        f"{mark}id,na{mark}me,class\n{mark}s-1,{mark} \u05d3\u05d5\u05d3{mark}a {mark},10{mark}B\n"
    )
    found = read(text)
    assert found.content is not None
    assert found.content.people == (PersonRow("s-1", "\u05d3\u05d5\u05d3a"),)
    assert found.content.classes == (ClassRow("10B", "10B"),)


@pytest.mark.parametrize("joiner", ["\u200c", "\u200d"])
def test_joiners_of_a_name_stay(joiner: str) -> None:
    """Names in Persian and in Indian scripts need them."""
    found = read(f"id,name,class\ns-1,A{joiner}b,10B\n")
    assert found.content is not None
    assert found.content.people[0].name == f"A{joiner}b"


@pytest.mark.parametrize("char", ["\u200b", "\u202a", "\u2068", "\u2028", "\x07"])
def test_a_character_that_is_not_seen_is_named(char: str) -> None:
    """In the problem, and where it stands in the value."""
    (problem,) = read(f"id,name,class\ns-1,Ad{char}a,10B\n").problems
    code = f"U+{ord(char):04X}"
    assert problem.text == f"{code} does not print; delete it"
    assert problem.value == f"Ad[{code}]a"


def test_every_mistake_is_named() -> None:
    """The line of a row is that on which it begins, also after a line break in quotes."""
    text = 'id,name,class\n"s-1","Ada",\n,"Bob","10B"\ns-3,"Cy\tD",10B\ns-4,,10B\n'
    assert [one.split(": ")[:2] for one in problems(text)] == [
        ["list.csv:2", "class"],
        ["list.csv:3", "id"],
        ["list.csv:4", "name"],
        ["list.csv:5", "name"],
    ]


def test_a_student_may_be_in_several_classes_and_come_back() -> None:
    """Two memberships of one class may follow each other."""
    rows = "s-1,Ada,10B,,2026-09-30\ns-1,Ada,9A,,\ns-1,Ada,10B,2026-10-01,\n"
    found = read(f"id,name,class,begin,end\n{rows}")
    assert found.content is not None
    assert [len(found.content.people), len(found.content.memberships)] == [1, 3]


def test_a_remark_for_a_log_holds_no_value() -> None:
    """Only the person who brought the file sees it."""
    (problem,) = read("id,name,class\nAda Lovelace,x,10B\n").problems
    assert problem.value == "Ada Lovelace"
    assert "Lovelace" not in str(problem) + repr(problem)


def test_an_unknown_column_is_said_to_be_left_out() -> None:
    """Nothing is skipped in silence."""
    found = read("id,name,class,shoe size\ns-1,Ada,10B,39\n")
    assert [str(one) for one in found.notes] == [
        "list.csv:1: shoe size: not a column of this format; left out"
    ]
