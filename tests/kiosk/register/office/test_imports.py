"""Imports of rosters and timetables into the database."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from kiosk.protocol.timetable import decode_timetable
from kiosk.register.erasing.erase import erase_subject, lift_erasure
from kiosk.register.models import (
    Account,
    Kiosk,
    Lesson,
    Membership,
    Person,
    Publication,
    RoomName,
    SchoolClass,
    Term,
)
from kiosk.register.office.imports import Done, Kind, Preview, Source, apply, counts, preview
from kiosk.register.office.timetable_import import Options
from kiosk.register.overview.members import members_on
from kiosk.register.publications.room_timetables import publish_timetables
from tests.kiosk.register.imports.test_oneroster import FILES, zipped
from tests.kiosk.register.test_commands import Run, run

__all__ = ["run"]  # the fixture
pytestmark = pytest.mark.usefixtures("database")
NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
ROSTER = "id,name,class\ns-1,Alma Ibarra,7B\ns-2,Bruno Keller,7B\n"
TIMETABLE = (
    "class,room,title,days,start,end,from,until\n"
    "7B,room-7,Maths,wed thu,13:00,13:45,2026-11-25,2026-12-03\n"
)


def source(text: str | bytes, kind: Kind = "roster") -> Source:
    data = text.encode() if isinstance(text, str) else text
    zone = ZoneInfo("America/Mexico_City")
    return Source(kind=kind, data=data, name="file.csv", options=Options(site="school"), zone=zone)


def imported(
    text: str | bytes, kind: Kind = "roster", now: datetime = NOW, **options: str
) -> Preview:
    found = preview(source(text, kind, **options), now)
    assert not found.problems
    assert apply(source(text, kind, **options), found.fingerprint, now)
    return found


def names(day: date, class_id: str = "7B") -> list[str]:
    return [one.name for one in members_on(class_id, day)]


def test_a_roster_is_stored() -> None:
    """People, classes and who is in which; a second time nothing changes."""
    found = imported(ROSTER)
    assert found.plan
    assert counts(found.plan)["people_added"] == 2
    assert names(NOW.date()) == ["Alma Ibarra", "Bruno Keller"]
    again = preview(source(ROSTER), NOW)
    assert again.plan
    assert again.plan.is_empty


def test_who_left_stays_in_the_lists_of_before() -> None:
    """The membership ends, the person is no longer listed, and nothing is deleted."""
    imported(ROSTER)
    later = NOW + timedelta(days=7)
    found = imported("id,name,class\ns-1,Alma Ibarra,7B\n", now=later)
    assert found.former == 1
    assert names(NOW.date()) == ["Alma Ibarra", "Bruno Keller"]
    assert names(later.date()) == ["Alma Ibarra"]
    assert not Person.objects.get(pk="s-2").is_listed
    imported(ROSTER, now=later + timedelta(days=7))
    assert Person.objects.get(pk="s-2").is_listed
    assert Membership.objects.count() == 3


def test_a_file_with_a_problem_changes_nothing() -> None:
    """Every problem is named with its line."""
    wrong = source(ROSTER + "s-3,,7B\n,Dora,7B\n")
    assert [one.line for one in preview(wrong, NOW).problems] == [4, 5]
    assert apply(wrong, None, NOW) is None
    assert not Person.objects.exists()


def test_a_class_with_the_title_of_another_is_noted() -> None:
    """As after a change of the program that the lists come from: it has other ids."""
    SchoolClass.objects.create(class_id="old-7b", title="7B")
    (note,) = preview(source(ROSTER), NOW).notes
    assert note.text.startswith("another class is called 7B, too")
    apply(source(ROSTER), None, NOW)
    assert preview(source(ROSTER), NOW).notes == ()


def test_an_erased_student_who_is_in_the_file_again_is_noted(run: Run, tmp_path: Path) -> None:
    """With the line and the day at the school: the kiosks' messages of this id stay refused."""
    late = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
    imported(ROSTER)
    erase_subject("s-2", late)
    (note,) = preview(source(ROSTER + "s-2,Bruno Keller,8A\n"), NOW).notes
    assert (note.line, note.column, note.value) == (3, "id", "s-2")
    assert note.text.startswith("this id was erased on 2026-11-20, so its messages are refused")
    roster = tmp_path / "roster.csv"
    roster.write_text(ROSTER)
    said = run("import", "--json", "roster", str(roster), "--dry-run")
    assert "roster.csv:3: id: this id was erased on 2026-11-20" in said
    imported(ROSTER)
    assert preview(source(ROSTER), NOW).notes == (note,)
    lift_erasure("s-2", NOW)
    assert preview(source(ROSTER), NOW).notes == ()


def test_an_erased_student_of_a_oneroster_zip_is_noted() -> None:
    """By file and line; a teacher with an erased id sends no messages."""
    imported(zipped(FILES))
    erase_subject("s-1", NOW)
    Person.objects.create(subject_id="t-1", name="Carol")
    erase_subject("t-1", NOW)
    (note,) = preview(source(zipped(FILES)), NOW).notes[:1]
    assert (note.file, note.line, note.value) == ("users.csv", 2, "s-1")
    assert not [one for one in preview(source(zipped(FILES)), NOW).notes if one.value == "t-1"]


def test_what_was_shown_is_what_is_applied() -> None:
    """If somebody changes what is stored meanwhile, the plan must be seen again."""
    found = preview(source(ROSTER), NOW)
    Person.objects.create(subject_id="s-1", name="Alma")
    assert apply(source(ROSTER), found.fingerprint, NOW) is None
    assert Person.objects.count() == 1
    assert apply(source(ROSTER), preview(source(ROSTER), NOW).fingerprint, NOW) == Done()


def test_a_temporary_student_stays_and_one_in_the_list_is_temporary_no_longer() -> None:
    """A roster does not end who was added by hand."""
    for one in ("s-1", "s-9"):
        Person.objects.create(subject_id=one, name="Visitor", is_temporary=True)
    imported(ROSTER)
    assert Person.objects.get(pk="s-9").is_listed
    assert not Person.objects.get(pk="s-1").is_temporary


def test_teachers_of_a_roster_get_their_classes() -> None:
    """They are accounts, found by their address, and not students."""
    teacher = Account.objects.create_user("carol", "Carol@example.org", role="teacher")
    users = FILES["users.csv"].replace("Code,,,", "Code,,carol@example.org,")
    for _ in range(2):
        imported(zipped({**FILES, "users.csv": users}))
    assert [one.school_class_id for one in teacher.teaching.all()] == ["c-10B"]
    assert set(Person.objects.values_list("pk", flat=True)) == {"s-1", "s-2"}


def test_terms_of_a_roster_are_stored() -> None:
    """A second time nothing changes; other days of a term are taken over."""
    imported(zipped(FILES))
    assert Term.objects.get(pk="Otoño").begin == date(2026, 8, 31)
    again = preview(source(zipped(FILES)), NOW)
    assert again.plan
    assert again.plan.is_empty
    sessions = FILES["academicSessions.csv"].replace("2026-08-31", "2026-09-01")
    imported(zipped({**FILES, "academicSessions.csv": sessions}))
    assert Term.objects.get(pk="Otoño").begin == date(2026, 9, 1)


def test_lessons_are_stored_in_the_zone_of_the_site() -> None:
    """With the class of the roster; a second time nothing changes."""
    imported(ROSTER)
    imported(TIMETABLE, "timetable")
    assert Lesson.objects.count() == 4
    first = Lesson.objects.earliest("starts_at")
    assert (first.school_class_id, first.room, first.title) == ("7B", "room-7", "Maths")
    assert first.starts_at == datetime(2026, 11, 25, 19, 0, tzinfo=UTC)
    again = preview(source(TIMETABLE, "timetable"), NOW)
    assert again.plan
    assert again.plan.is_empty


def test_an_unknown_class_is_a_problem() -> None:
    """And a title that several classes have; a room without a kiosk is worth a note."""
    found = preview(source(TIMETABLE, "timetable"), NOW)
    assert [one.text[:24] for one in found.problems] == ["class 7B is not known; i"]
    for one in ("a", "b"):
        SchoolClass.objects.create(class_id=one, title="7B")
    found = preview(source(TIMETABLE, "timetable"), NOW)
    assert "several classes" in found.problems[0].text
    assert "no kiosk of this room" in found.notes[-1].text


def test_a_lesson_that_is_gone_is_cancelled() -> None:
    """Within the time and the classes of the file; the lessons of others stay."""
    imported(ROSTER + "s-3,Chen Wei,8A\n")
    imported(TIMETABLE + "8A,room-8,Art,wed,13:00,13:45,2026-11-25,2026-12-03\n", "timetable")
    found = imported(TIMETABLE.replace("wed thu", "thu"), "timetable")
    assert found.plan
    assert counts(found.plan)["lessons_cancelled"] == 1
    gone = Lesson.objects.filter(status="cancelled")
    assert {one.date for one in gone} == {date(2026, 12, 2)}
    assert Lesson.objects.filter(school_class="8A", status="scheduled").count() == 2


def test_each_kiosk_is_told_the_lessons_of_its_room() -> None:
    """As a retained message, again only when it changes."""
    for room in ("room-7", "room-8"):
        Kiosk.objects.create(site="school", room=room, kiosk="k")
    imported(ROSTER)
    imported(TIMETABLE, "timetable")
    rows = {one.topic: one for one in Publication.objects.all()}
    assert set(rows) == {f"kiosk/v1/school/room-{n}/k/timetable" for n in (7, 8)}
    told = decode_timetable(bytes(rows["kiosk/v1/school/room-7/k/timetable"].payload))
    assert told.lessons[0].starts_at == "2026-11-25T19:00:00.000+00:00"
    assert {one.session for one in told.lessons} == set(Lesson.objects.values_list("pk", flat=True))
    assert all(one.retain for one in rows.values())
    assert publish_timetables(NOW + timedelta(hours=1)) == 0
    Lesson.objects.filter(pk=told.lessons[0].session).update(status="cancelled")
    assert publish_timetables(NOW + timedelta(hours=1)) == 1
    assert publish_timetables(NOW + timedelta(days=1)) == 2
    assert publish_timetables(NOW + timedelta(days=2), ["elsewhere"]) == 0


def test_without_a_timetable_nobody_is_told_anything() -> None:
    """A kiosk keeps to its own configuration."""
    Kiosk.objects.create(site="school", room="room-7", kiosk="k")
    assert publish_timetables(NOW) == 0


def test_files_are_imported_by_a_command(run: Run, tmp_path: Path) -> None:
    """First dry, then as a whole; problems are named on standard error."""
    roster, timetable = tmp_path / "roster.csv", tmp_path / "timetable.csv"
    roster.write_text(ROSTER)
    timetable.write_text(TIMETABLE)
    assert "2 people added" in run("import", "roster", str(roster), "--dry-run")
    assert not Person.objects.exists()
    assert '"people_added": 2' in run("import", "--json", "roster", str(roster))
    place = ("--site", "school")
    assert "lessons added" in run("import", "timetable", str(timetable), *place)
    roster.write_text("id,name,class\n,,\ns-1,,7B\n")
    error = run("import", "roster", str(roster), code=65)
    assert "roster.csv:3: name: empty" in error
    assert "cannot be read" in run("import", "roster", str(tmp_path / "none"), code=65)
    assert "--site" in run("import", "timetable", str(timetable), "--site", "a b", code=78)


def test_a_room_that_kiosks_call_otherwise_is_known_again() -> None:
    """The lessons are in the kiosks' room, and a second import changes nothing."""
    imported(ROSTER)
    RoomName.objects.create(site="school", title="room-7", room="r7")
    found = imported(TIMETABLE, "timetable")
    assert not [one for one in found.notes if "room-7" in str(one)]
    assert {(one.room, one.room_title) for one in Lesson.objects.all()} == {("r7", "room-7")}
    again = preview(source(TIMETABLE, "timetable"), NOW)
    assert again.plan
    assert again.plan.is_empty
