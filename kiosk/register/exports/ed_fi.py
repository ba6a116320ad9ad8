"""The marks as Ed-Fi's StudentSectionAttendanceEvent (Data Standard 4 and 5), for its API.

A body for each event, in a JSON array. ``arrivalTime`` is given only where the door's clock can be
relied on.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kiosk.register.exports.records import Handover, LeftOut, Line, Why, in_order
from kiosk.register.rules.codes import CODES, Code, CodeFacts

_DESCRIPTOR: Final = "uri://ed-fi.org/AttendanceEventCategoryDescriptor#"
_STUDENT_ID_MAX: Final = 32
_REASON_MAX: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A class as Ed-Fi's section.

    Attributes:
        local_course_code: Code of the course offering.
        school_id: Number of the school.
        school_year: The year in which the school year ends.
        section_identifier: The section.
        session_name: The session, such as a term.
    """

    local_course_code: str
    school_id: int
    school_year: int
    section_identifier: str
    session_name: str


def ed_fi_json(
    lines: Iterable[Line],
    section_of: Callable[[Line], Section | Why],
    table: Mapping[Code, CodeFacts] = CODES,
    *,
    namespace: str = _DESCRIPTOR,
) -> Handover:
    """Return the events, and what is not among them.

    Args:
        lines: The students and lessons.
        section_of: The section of a line, or why it has none.
        table: The category of each code.
        namespace: What stands before the category; an agency may have its own.
    """
    events: list[dict[str, Any]] = []
    left_out: list[LeftOut] = []
    keys = set[tuple[object, ...]]()
    for line in in_order(lines):
        section = section_of(line)
        category = table[line.code].ed_fi
        key = (line.class_id, line.other_id, line.date, category)
        if not category:
            left_out.append(LeftOut(line, Why.NO_CATEGORY))
        elif isinstance(section, Why):
            left_out.append(LeftOut(line, section))
        elif len(line.other_id) > _STUDENT_ID_MAX:
            left_out.append(LeftOut(line, Why.LONG_ID))
        elif key in keys:
            left_out.append(LeftOut(line, Why.TWICE))
        else:
            keys.add(key)
            events.append(_event(line, section, namespace + category))
    text = json.dumps(events, ensure_ascii=False, indent=1)
    return Handover(f"{text}\n".encode(), tuple(left_out))


def _event(line: Line, section: Section, category: str) -> dict[str, Any]:
    event: dict[str, Any] = {
        "sectionReference": {
            "localCourseCode": section.local_course_code,
            "schoolId": section.school_id,
            "schoolYear": section.school_year,
            "sectionIdentifier": section.section_identifier,
            "sessionName": section.session_name,
        },
        "studentReference": {"studentUniqueId": line.other_id},
        "attendanceEventCategoryDescriptor": category,
        "eventDate": line.date.isoformat(),
    }
    if line.reason:
        event["attendanceEventReason"] = line.reason[:_REASON_MAX]
    if line.arrived_at is not None and line.is_clock_trusted:
        event["arrivalTime"] = f"{line.arrived_at:%H:%M:%S}"
    return event
