"""``kiosk register export-marks`` and ``rederive``, from events to files."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connections

from kiosk.__main__ import main
from kiosk.register.commands.options import marks as options
from kiosk.register.config import DatabaseSection
from kiosk.register.handover.files import Kind
from kiosk.register.marking.corrections import set_marks
from kiosk.register.models import (
    Account,
    Lesson,
    Mark,
    Membership,
    ParticipationPoint,
    Person,
    SchoolClass,
    Term,
)
from kiosk.register.office.merge import merge
from kiosk.register.rules.codes import Code
from kiosk.register.rules.settings import RuleSettings
from tests.kiosk.register.marking.support import (
    make_class,
    make_lesson,
    minutes,
    place,
    report,
    scan,
    sweep,
    work,
)

Export = Callable[..., tuple[bytes, str]]


@pytest.fixture
def run(
    database: DatabaseSection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Run a command; return its exit code and what it prints."""
    config = tmp_path / "register.toml"
    where = f"url = '{database.url}'" if database.url else f"path = '{database.path}'"
    config.write_text(
        f"[database]\n{where}\n[register]\ntimezone = 'America/Mexico_City'\n"
        "[exports]\ned_fi_school_id = 255901001\n[rules]\nlate_after_min = 3\n"
    )

    def command(*arguments: str) -> tuple[int, str, str]:
        code = main(["register", "--config", str(config), *arguments])
        output = capsys.readouterr()
        return code, output.out, output.err

    yield command
    connections.close_all()


@pytest.fixture
def export(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> Export:
    """Export a file, which must succeed; return its bytes and the position."""

    def command(kind: str, *arguments: str) -> tuple[bytes, str]:
        code, _, said = run("export-marks", kind, str(tmp_path / "file"), "--json", *arguments)
        assert code == 0, said
        return (tmp_path / "file").read_bytes(), json.loads(said)["position"]

    return command


@pytest.fixture
def lesson(database: DatabaseSection) -> Lesson:  # noqa: ARG001 - it is stored there
    """A lesson that is decided: s-1 came 5 minutes late and has a point, s-2 did not come."""
    school_class = make_class("s-1", "s-2")
    SchoolClass.objects.update(course_code="MAT-1")
    made = make_lesson(school_class)
    Term.objects.create(title="Fall", begin=made.date, end=made.date)
    scan(1, "s-1", minutes(5))
    place(minutes(6))
    report(1, minutes(46))
    sweep(minutes(47))
    ParticipationPoint.objects.create(lesson=made, person_id="s-1", at=minutes(9))
    return made


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def excuse(lesson: Lesson, subject_id: str, reason: str) -> None:
    olga = Account.objects.filter(username="olga").first()
    olga = olga or Account.objects.create_user("olga", role="office")
    version = Mark.objects.get(lesson=lesson, person=subject_id).version
    set_marks(
        lesson,
        {subject_id: version},
        Code.EXCUSED,
        reason,
        account=olga,
        settings=RuleSettings(),
        now=minutes(50),
    )


def test_a_position_gives_the_same_bytes_whatever_happens_later(
    export: Export, lesson: Lesson
) -> None:
    """A correction, a point, another event that decides the same code, and a new lesson."""
    chosen = ("--lesson", "maths", "--class", "7b")
    before = {one: export(one, *chosen) for one in Kind}
    excuse(lesson, "s-2", "=dentist")
    ParticipationPoint.objects.create(lesson=lesson, person_id="s-2", at=minutes(9))
    scan(2, "s-1", minutes(4), arrives=minutes(60))
    place(minutes(61))
    make_lesson(lesson.school_class, "art", start=minutes(70))
    for one, (data, position) in before.items():
        assert export(one, *chosen, "--up-to", position) == (data, position)
        assert export(one, *chosen)[0] != data, one


def test_marks_tell_what_stood_and_why(export: Export, lesson: Lesson) -> None:
    """The event of the position, not of now; a correction with who and why, and no formula."""
    _, early = export("marks")
    excuse(lesson, "s-2", "=dentist")
    scan(2, "s-1", minutes(4), arrives=minutes(60))
    place(minutes(61))
    first, second = rows(export("marks", "--up-to", early)[0])
    assert (first["status"], first["minutes_late"], first["arrived"]) == (
        "present",
        "5",
        "05:05:00",
    )
    assert (first["points"], second["status"], second["reason"]) == ("1", "absent", "")
    data, now = export("marks", "--student", "s-2")
    (second,) = rows(data)
    assert (second["status"], second["derived"], second["corrected_by"]) == (
        *("excused", "absent", "olga"),
    )
    assert (second["reason"], second["audit_position"]) == ("'=dentist", now)
    assert rows(export("marks", "--student", "s-1")[0])[0]["arrived"] == "05:04:00"
    done = rows(export("changes", "--student", "s-2")[0])
    assert [(one["before"], one["after"], one["changed_by"], one["rule"]) for one in done] == [
        ("not-known", "absent", "", "absent.lesson-over-and-complete"),
        ("absent", "excused", "olga", ""),
    ]


def test_other_systems_get_what_they_can_take(export: Export, lesson: Lesson) -> None:
    """Ids of the school, and the section of the class in the term."""
    assert lesson
    assert export("moodle", "--lesson", "maths")[0] == b"idnumber,status\r\ns-1,P\r\ns-2,A\r\n"
    assert export("canvas", "--class", "7b")[0].endswith(
        b"S-1,,s-1,,7b,100.0\r\nS-2,,s-2,,7b,0.0\r\n"
    )
    first = json.loads(export("ed-fi", "--term", "Fall")[0])[0]
    assert first["sectionReference"] == {
        "localCourseCode": "MAT-1",
        "schoolId": 255901001,
        "schoolYear": 2026,
        "sectionIdentifier": "7b",
        "sessionName": "Fall",
    }
    data, _ = export("workbook")
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        assert len([one for one in book.namelist() if "worksheets/sheet" in one]) == 4


MISTAKES = (
    (["marks", "-", "--class", "9z"], "--class '9z': there is no such class"),
    (["marks", "-", "--student", "s-9"], "--student 's-9': there is no such student"),
    (["moodle", "-", "--lesson", "x"], "--lesson 'x': there is no such lesson"),
    (["marks", "-", "--term", "x"], "--term 'x': there is no such term"),
    (["marks", "-", "--term", "Fall", "--to", "2026-01-01"], "--term: not together"),
    (["marks", "-", "--from", "2026-02-01", "--to", "2026-01-01"], "--to: 2026-01-01 is"),
    (["marks", "-", "--up-to", "17"], "--up-to '17', expected a position as a file has it"),
    (["marks", "-", "--up-to", "999-0-20260101T000000Z"], "is after the newest position"),
    (["marks", "-", "--up-to", "0-0-20261399T000000Z"], "expected a position as a file has it"),
)


def test_a_mistake_is_named(run: Callable[..., tuple[int, str, str]], lesson: Lesson) -> None:
    """The option, and what is wrong; nothing is written."""
    assert lesson
    for arguments, problem in MISTAKES:
        code, out, err = run("export-marks", *arguments)
        assert (code, out) == (78, ""), arguments
        assert problem in err


@pytest.mark.parametrize(("kind", "option"), [("canvas", "--class"), ("moodle", "--lesson")])
def test_what_must_be_chosen_for_another_system_is_named(
    run: Callable[..., tuple[int, str, str]], lesson: Lesson, kind: str, option: str
) -> None:
    """A gradebook is that of one class, and Moodle imports one lesson."""
    assert lesson
    make_lesson(make_class("s-9", class_id="9c"), "art")
    code, out, err = run("export-marks", kind, "-")
    assert (code, out) == (78, "")
    assert f"choose one with {option}" in err


def test_the_command_line_has_the_kinds_of_files() -> None:
    """It loads no Django, so it has a list of its own."""
    assert list(options._KINDS) == [one.value for one in Kind]


def test_the_past_is_decided_again_on_demand(
    run: Callable[..., tuple[int, str, str]], lesson: Lesson
) -> None:
    """The configuration of now says 3 minutes; a dry run first."""
    days = ("--from", str(lesson.date), "--to", str(lesson.date))
    code, _, err = run("rederive", *days)
    assert (code, "--reason: missing" in err) == (78, True)
    table = "before   after  marks\npresent  late   1\n"
    code, out, err = run("rederive", *days, "--dry-run")
    assert (code, out, err) == (0, table, "nothing written; would be decided again: 1 lesson\n")
    code, out, err = run("rederive", *days, "--reason", "new rules")
    assert (code, out, err) == (0, table, "decided again: 1 lesson\n")
    assert run("rederive", *days, "--dry-run")[1] == "no mark changes\n"


def test_a_merged_student_is_in_each_file_once(lesson: Lesson, export: Export) -> None:
    """With the marks of both, and the ids that events go on to name; the trail says who merged."""
    visitor = Person.objects.create(subject_id="s-9", name="Visitor", is_temporary=True)
    Membership.objects.create(person=visitor, school_class=lesson.school_class)
    scan(2, "s-9", minutes(2))
    place(minutes(50))
    olga = Account.objects.create_user("olga")
    merge(visitor, Person.objects.get(pk="s-2"), olga, minutes(60))
    work(minutes(61))
    marks = {one["student_id"]: one for one in rows(export("marks")[0])}
    assert set(marks) == {"s-1", "s-2"}
    assert (marks["s-1"]["merged_ids"], marks["s-2"]["merged_ids"]) == ("", "s-9")
    assert marks["s-2"]["status"] == "present"
    assert marks["s-2"]["reason"] in {"", "temporary student merged"}
    sums = {one["student_id"]: one for one in rows(export("students")[0])}
    assert (set(sums), sums["s-2"]["lessons"]) == ({"s-1", "s-2"}, "1")
    assert sums["s-2"]["merged_ids"] == "s-9"
    changes = [one for one in rows(export("changes")[0]) if one["student_id"] == "s-2"]
    assert "temporary student merged" in {one["reason"] for one in changes}
