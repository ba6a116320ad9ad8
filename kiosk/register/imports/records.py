"""What files say of people, classes and lessons."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

Role = Literal["student", "teacher"]
Status = Literal["scheduled", "cancelled"]


@dataclass(frozen=True, slots=True, order=True)
class PersonRow:
    """A student or a teacher.

    Attributes:
        person_id: The id, of a student the subject id that kiosks use.
        name: The name as it is shown.
        role: Student or teacher.
        sis_id: The id in the school's other systems; empty if it is ``person_id``.
        email: May be empty.
    """

    person_id: str
    name: str
    role: Role = "student"
    sis_id: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True, order=True)
class ClassRow:
    """A class.

    Attributes:
        class_id: The id; a plain CSV has none, so there it is the title.
        title: How it is called.
        course_code: The course that it is one of; may be empty.
    """

    class_id: str
    title: str
    course_code: str = ""


@dataclass(frozen=True, slots=True)
class MembershipRow:
    """A person is in a class.

    Attributes:
        person_id: The person.
        class_id: The class.
        begin: First day; ``None`` if the file does not say.
        end: Last day, included; ``None`` for no end.
    """

    person_id: str
    class_id: str
    begin: date | None = None
    end: date | None = None


@dataclass(frozen=True, slots=True)
class TermRow:
    """A named span of days, both included."""

    title: str
    begin: date
    end: date


@dataclass(frozen=True, slots=True)
class Roster:
    """What a file says; all in its order.

    Attributes:
        people: Students and teachers.
        classes: The classes.
        memberships: Who is in which.
        terms: The terms; may be empty.
        places: File and line of the first row of each person, by id, for remarks; empty for what
            is stored.
    """

    people: tuple[PersonRow, ...]
    classes: tuple[ClassRow, ...]
    memberships: tuple[MembershipRow, ...]
    terms: tuple[TermRow, ...] = ()
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonRow:
    """A lesson on one date.

    Attributes:
        lesson_id: Stable: the same lesson of the next file has it again, also when it was moved.
        class_title: The class.
        room: The room.
        site: The site.
        starts_at: Start, aware; included.
        ends_at: End, aware; not included.
        title: What is taught; may be empty.
        status: Whether it takes place.
    """

    lesson_id: str
    class_title: str
    room: str
    site: str
    starts_at: datetime
    ends_at: datetime
    title: str = ""
    status: Status = "scheduled"
