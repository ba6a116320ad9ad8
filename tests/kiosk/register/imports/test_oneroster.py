"""A roster as OneRoster CSV 1.2."""

import io
import zipfile
from datetime import date

import pytest

from kiosk.register.imports.oneroster import read_oneroster
from kiosk.register.imports.outcome import Outcome
from kiosk.register.imports.records import ClassRow, MembershipRow, PersonRow, Roster, TermRow

TABLES = ("academicSessions", "classes", "courses", "enrollments", "orgs", "roles", "users")
FILES = {
    "manifest.csv": "propertyName,value\nmanifest.version,1.0\noneroster.version,1.2\n"
    + "".join(f"file.{name},bulk\n" for name in TABLES),
    "orgs.csv": "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\n"
    "school,,,Secundaria 5,school,,\n",
    "academicSessions.csv": (
        "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear\n"
        "t1,,,Otoño,term,2026-08-31,2026-12-19,y,2027\n"
        "t2,,,Primavera,term,2027-01-07,2027-07-10,y,2027\n"
        "y,,,2026-2027,schoolYear,2026-08-31,2027-07-10,,2027\n"
    ),
    "courses.csv": "sourcedId,title,orgSourcedId,courseCode\nmat,Mathematics,school,MAT-1\n",
    "classes.csv": (
        "sourcedId,title,courseSourcedId,classType,schoolSourcedId,termSourcedIds\n"
        'c-10B,10B Maths,mat,scheduled,school,"t1,t2"\n'
    ),
    "users.csv": (
        "sourcedId,enabledUser,username,givenName,familyName,identifier,email,password,"
        "preferredGivenName,metadata.bus\n"
        "s-1,true,ada,Augusta,Lovelace,1041,ada@example.org,hunter2,Ada,7\n"
        "s-2,true,bob,Bob,Byte,,,,,\n"
        "t-1,true,carol,Carol,Code,,,,,\n"
        "p-1,true,dan,Dan,Data,,,,,\n"
        "s-9,false,eve,Eve,Enum,,,,,\n"
    ),
    "roles.csv": (
        "sourcedId,userSourcedId,roleType,role,orgSourcedId\n"
        "r1,s-2,primary,student,school\nr2,p-1,primary,parent,school\n"
    ),
    "enrollments.csv": (
        "sourcedId,classSourcedId,schoolSourcedId,userSourcedId,role,beginDate,endDate\n"
        "e1,c-10B,school,s-1,student,2026-09-07,2026-11-01\n"
        "e2,c-10B,school,t-1,teacher,,\n"
        "e3,c-10B,school,p-1,proctor,,\n"
        "e4,c-10B,school,s-9,student,,\n"
    ),
}


def zipped(files: dict[str, str], folder: str = "") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in files.items():
            archive.writestr(folder + name, text)
    return stream.getvalue()


def read(**changed: str) -> Outcome[Roster]:
    files = {**FILES, **{f"{name}.csv": text for name, text in changed.items()}}
    return read_oneroster(zipped(files), "roster.zip")


def test_people_classes_and_memberships_are_read() -> None:
    """Ends are exclusive in the file; a membership without dates lasts as long as the terms."""
    found = read()
    assert found.problems == ()
    assert found.content == Roster(
        people=(
            PersonRow("s-1", "Ada Lovelace", "student", "1041", "ada@example.org"),
            PersonRow("s-2", "Bob Byte", "student"),
            PersonRow("t-1", "Carol Code", "teacher"),
        ),
        classes=(ClassRow("c-10B", "10B Maths", "MAT-1"),),
        memberships=(
            MembershipRow("s-1", "c-10B", date(2026, 9, 7), date(2026, 10, 31)),
            MembershipRow("t-1", "c-10B", date(2026, 8, 31), date(2027, 7, 9)),
        ),
        terms=(
            TermRow("Otoño", date(2026, 8, 31), date(2026, 12, 18)),
            TermRow("Primavera", date(2027, 1, 7), date(2027, 7, 9)),
            TermRow("2026-2027", date(2026, 8, 31), date(2027, 7, 9)),
        ),
    )


def test_a_password_is_read_nowhere() -> None:
    """It is not in the records, and it is said to be left out."""
    found = read()
    assert "hunter2" not in repr(found)
    assert [str(one) for one in found.notes] == [
        "enrollments.csv:4: role: neither student nor teacher; left out",
        "enrollments.csv:5: userSourcedId: not an enabled user; left out",
        "users.csv:1: password: not a column of this format; left out",
    ]


def test_version_1_2_1_is_read_too() -> None:
    """Some programs write the number of the binding."""
    assert (
        read(manifest=FILES["manifest.csv"].replace("1.2\n", "1.2.1\n")).content == read().content
    )


def test_a_table_that_is_absent_is_not_referred_to() -> None:
    """A roster without courses is still one."""
    manifest = FILES["manifest.csv"].replace("courses,bulk", "courses,absent")
    found = read(manifest=manifest).content
    assert found is not None
    assert found.classes == (ClassRow("c-10B", "10B Maths"),)


@pytest.mark.parametrize(
    ("table", "old", "new", "expected"),
    [
        ("manifest", "1.2\n", "1.1\n", "manifest.csv: oneroster.version: expected 1.2 or 1.2.1"),
        ("manifest", "users,bulk", "users,delta", "manifest.csv: file.users: only changes (delta)"),
        ("manifest", "users,bulk", "users,absent", "manifest.csv: file.users: needed; expected"),
        ("users", "s-2,true", "s-1,true", "users.csv:3: sourcedId: the same as on line 2"),
        ("users", "Augusta", "", "users.csv:2: givenName: empty"),
        ("users", "username,", "user,", "users.csv:1: username: the column is missing"),
        ("classes", "t1,t2", "t1,t9", "classes.csv:2: termSourcedIds: academicSessions.csv has no"),
        ("classes", "mat,", "bio,", "classes.csv:2: courseSourcedId: courses.csv has no such"),
        ("enrollments", "e2,c-10B", "e2,c-11", "enrollments.csv:3: classSourcedId: classes.csv"),
        ("enrollments", "school,t-1", "school,t-7", "enrollments.csv:3: userSourcedId: users.csv"),
        (
            "enrollments",
            "2026-09-07",
            "07/09/2026",
            "enrollments.csv:2: beginDate: expected a",
        ),
        ("enrollments", "2026-11-01", "2026-09-07", "enrollments.csv:2: endDate: not after the"),
        ("enrollments", "t-1,teacher,,", "s-1,student,,", "enrollments.csv:3: the same person and"),
    ],
)
def test_a_mistake_is_named_by_file_and_line(table: str, old: str, new: str, expected: str) -> None:
    """And nothing of the archive is read."""
    found = read(**{table: FILES[f"{table}.csv"].replace(old, new)})
    assert found.content is None
    assert any(str(one).startswith(expected) for one in found.problems), found.problems


def test_a_student_whose_id_no_kiosk_can_use_is_a_problem() -> None:
    """It would never match an event."""
    files = {name: text.replace("s-1", "s 1") for name, text in FILES.items()}
    (problem,) = read_oneroster(zipped(files), "roster.zip").problems
    assert str(problem).startswith("users.csv:2: sourcedId: at most 64 letters (A-Z")


def test_a_class_whose_id_no_address_can_have_is_a_problem() -> None:
    """Its pages could not be opened; a title is in no address."""
    files = {name: text.replace("c-10B", "a/../b") for name, text in FILES.items()}
    (problem,) = read_oneroster(zipped(files), "roster.zip").problems
    assert str(problem).startswith('classes.csv:2: sourcedId: has the part "." or ".."')
    assert read(classes=FILES["classes.csv"].replace("10B Maths", "..")).content is not None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"PK nonsense", "roster.zip: not a zip file"),
        (zipped({"a.csv": ""}), "roster.zip: no manifest.csv at the root of the zip"),
        (
            zipped(FILES, "export/"),
            "roster.zip: no manifest.csv at the root of the zip; it",
        ),
        (zipped({f"{n}.csv": "" for n in range(101)}), "roster.zip: more than 100 files"),
        (zipped(FILES)[:900], "roster.zip: not a zip file"),
    ],
)
def test_an_archive_that_is_none_is_refused(data: bytes, expected: str) -> None:
    """With one sentence."""
    (problem,) = read_oneroster(data, "roster.zip").problems
    assert str(problem).startswith(expected)


def test_a_bomb_is_not_unpacked() -> None:
    """A file that grows beyond the limit is read up to it, and refused."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.csv", FILES["manifest.csv"])
        for name in TABLES:
            text = "\n" * 21_000_000 if name == "users" else FILES[f"{name}.csv"]
            archive.writestr(f"{name}.csv", text)
    found = read_oneroster(stream.getvalue(), "roster.zip")
    assert [str(one) for one in found.problems] == ["users.csv: larger than 20 MB; divide the file"]
