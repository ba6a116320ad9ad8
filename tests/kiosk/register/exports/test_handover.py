"""Files for Moodle, Canvas and Ed-Fi."""

import json
from fractions import Fraction

import jsonschema
import pytest

from kiosk.register.exports.canvas import canvas_csv
from kiosk.register.exports.ed_fi import Section, ed_fi_json
from kiosk.register.exports.moodle import moodle_csv
from kiosk.register.exports.records import Handover, Line, Why
from kiosk.register.rules.codes import Code
from tests.kiosk.register.exports.support import LATE, LINES, line

OPEN = line("Di", Code.NOT_KNOWN)


def reasons(found: Handover) -> list[tuple[str, str]]:
    return [(one.line.name, one.reason) for one in found.left_out]


def test_moodle_gets_ids_and_acronyms_alone() -> None:
    """No time of scan, by which it would count everybody as present."""
    found = moodle_csv([OPEN, *LINES])
    assert found.data.decode() == "idnumber,status\r\ns-Ada,P\r\ns-Bob,L\r\n1041,E\r\n"
    assert reasons(found) == [("Di", "the status has no acronym in Moodle")]


def test_who_shares_an_id_is_not_handed_to_moodle() -> None:
    """It compares ids in small letters; whose mark it would take is not known."""
    lines = [line("Ada", sis_id="X1"), line("Bob", sis_id="x1"), line("Cy", sis_id="=1")]
    found = moodle_csv([*lines, line("Di")])
    assert found.data.decode() == "idnumber,status\r\ns-Di,P\r\n"
    assert reasons(found) == [
        ("Ada", "another student has the same id"),
        ("Bob", "another student has the same id"),
        ("Cy", "an id that a spreadsheet would run"),
    ]


def test_moodle_takes_one_lesson_at_a_time() -> None:
    """A file is imported into one session."""
    with pytest.raises(ValueError, match="one session"):
        moodle_csv([line(), line(lesson_id="art")])


def test_canvas_gets_a_column_of_its_gradebook() -> None:
    """By SIS id; late counts 80 per cent, and what does not count is left out."""
    found = canvas_csv([OPEN, *LINES, line("Bob", Code.ABSENT, lesson_id="art")], "Attendance")
    assert found.data.decode().splitlines() == [
        "Student,ID,SIS User ID,SIS Login ID,Section,Attendance",
        "    Points Possible,,,,,100",
        "Ada,,s-Ada,,10B,100.0",
        "Bob,,s-Bob,,10B,40.0",
    ]
    assert [name for name, _ in reasons(found)] == ["Cy", "Di"]
    half = canvas_csv([LATE], "Attendance", late_weight=Fraction(1, 2))
    assert half.data.endswith(b"10B,50.0\r\n")


def test_a_gradebook_is_that_of_one_class() -> None:
    """Another course has another file."""
    with pytest.raises(ValueError, match="one course"):
        canvas_csv([line(), line(class_id="9A")], "Attendance")


SECTION = Section(
    local_course_code="MAT-1",
    school_id=255901001,
    school_year=2027,
    section_identifier="MAT-1-10B",
    session_name="2026-2027 Fall",
)


def section_of(one: Line) -> Section | Why:
    return SECTION if one.class_id == "10B" else Why.NO_COURSE


REFERENCE = ("localCourseCode", "schoolId", "schoolYear", "sectionIdentifier", "sessionName")
SCHEMA = {
    # After Ed-Fi's documentation of StudentSectionAttendanceEvent; its own OpenAPI document was not
    # to be had here.
    "type": "array",
    "items": {
        "type": "object",
        "required": [
            *("sectionReference", "studentReference", "attendanceEventCategoryDescriptor"),
            "eventDate",
        ],
        "additionalProperties": False,
        "properties": {
            "sectionReference": {
                "type": "object",
                "required": list(REFERENCE),
                "additionalProperties": False,
                "properties": {
                    name: {"type": "integer" if name in {"schoolId", "schoolYear"} else "string"}
                    for name in REFERENCE
                },
            },
            "studentReference": {
                "type": "object",
                "required": ["studentUniqueId"],
                "properties": {"studentUniqueId": {"type": "string", "maxLength": 32}},
            },
            "attendanceEventCategoryDescriptor": {
                "type": "string",
                "pattern": "^uri://[^#]+/AttendanceEventCategoryDescriptor#.+$",
                "maxLength": 306,
            },
            "eventDate": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"},
            "attendanceEventReason": {"type": "string", "maxLength": 255},
            "arrivalTime": {"type": "string", "pattern": r"^\d\d:\d\d:\d\d$"},
        },
    },
}


def test_ed_fi_gets_events() -> None:
    """With the arrival where the clock can be relied on, and the reason of a correction."""
    unsure = line("Eve", Code.LATE, arrived_at=LATE.arrived_at, is_clock_trusted=False)
    long = line("Flo", Code.LEFT_EARLY, reason="x" * 300)
    found = ed_fi_json([OPEN, *LINES, unsure, long], section_of)
    events = json.loads(found.data)
    jsonschema.validate(events, SCHEMA)
    categories = [one["attendanceEventCategoryDescriptor"].partition("#")[2] for one in events]
    assert categories == [
        *("In Attendance", "Tardy", "Excused Absence", "Tardy", "Early departure")
    ]
    assert [one.get("arrivalTime") for one in events] == [None, "08:11:30", None, None, None]
    assert events[2]["studentReference"] == {"studentUniqueId": "1041"}
    assert events[2]["attendanceEventReason"] == "dentist"
    assert reasons(found) == [("Di", "the status has no category in Ed-Fi")]


def test_what_ed_fi_would_refuse_is_named() -> None:
    """A class without a section, an id that is too long, a second event of the same key."""
    lines = [
        line("Ada", class_id="9A"),
        line("Bob", sis_id="7" * 33),
        line("Cy"),
        line("Cy", lesson_id="art"),
    ]
    found = ed_fi_json(lines, section_of)
    assert [str(reason) for _, reason in sorted(reasons(found))] == [
        "the class has no course code",
        "the id is longer than 32 characters",
        "Ed-Fi takes a category once for a section and day",
    ]


def test_the_order_of_the_rows_does_not_matter() -> None:
    """The same lines give the same bytes."""
    for make in (
        moodle_csv,
        lambda lines: canvas_csv(lines, "Attendance"),
        lambda lines: ed_fi_json(lines, section_of),
    ):
        assert make(LINES) == make(LINES[::-1])
