"""What the API answers with. A reader ignores fields that it does not know."""

from datetime import date, datetime

import msgspec


class ClassRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A class.

    Attributes:
        class_id: Its id.
        title: What people call it.
        site: Where it is.
        sis_id: Its id in the school's other systems; empty if it is ``class_id``.
    """

    class_id: str
    title: str
    site: str
    sis_id: str


class LessonRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A lesson: one class session on one date.

    Attributes:
        lesson_id: Its id.
        class_id: Who has it.
        title: What is shown.
        site: Where it is.
        room: In which room.
        date: The day that it belongs to.
        starts_at: Start, UTC.
        ends_at: End, UTC.
        status: "scheduled" or "cancelled".
        taken_at: When a teacher last confirmed its register; ``null`` before.
    """

    lesson_id: str
    class_id: str
    title: str
    site: str
    room: str
    date: date
    starts_at: datetime
    ends_at: datetime
    status: str
    taken_at: datetime | None


class MarkRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A student in a lesson.

    Attributes:
        subject_id: The student.
        name: The student's name.
        status: The code that counts: present, late, absent, excused, left-early, off-site, exempt
            or not-known.
        derived: The code that the rules give.
        rule: The rule that gave it; empty without one.
        is_corrected: A person has set the status.
        minutes_late: From the start of the lesson to the scan; ``null`` without one.
        clock: "synchronised", "unsynchronised" or "corrected": of the deciding event; empty without
            one.
        version: Grows with each change; 0 while nothing is known.
    """

    subject_id: str
    name: str
    status: str
    derived: str
    rule: str
    is_corrected: bool
    minutes_late: int | None
    clock: str
    version: int


class ChangeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a mark; nothing of it is ever changed.

    Attributes:
        position: The audit position; ask for what is ``after`` it.
        lesson_id: The lesson.
        subject_id: The student.
        at: When, UTC.
        before: The code before.
        after: The code after; the same where another event decides it.
        account: User name of who changed it; ``null`` for a rule.
        rule: The rule that changed it; empty for a person.
        reason: Why.
        undoes: Position of the change that this one takes back.
    """

    position: int
    lesson_id: str
    subject_id: str
    at: datetime
    before: str
    after: str
    account: str | None
    rule: str
    reason: str
    undoes: int | None


class EventRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An event as its kiosk sent it, with what the register knows beside it.

    Attributes:
        position: Ask for what is ``after`` it.
        arrived_at: When it was stored, UTC.
        is_replayed: It was sent again at the register's request.
        placing: "placed", "new", or why it belongs to no lesson.
        event: The event (``kiosk schema`` prints its schema).
    """

    position: int
    arrived_at: datetime
    is_replayed: bool
    placing: str
    event: msgspec.Raw


class KioskRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A kiosk.

    Attributes:
        site: Its site.
        room: Its room.
        kiosk: Its name.
        complete_until: Every event before this time is stored; ``null`` if that is true of no time.
        offline_since: Since when it is away; ``null`` if it is not known to be.
        missing: How many events it has that the register has not.
    """

    site: str
    room: str
    kiosk: str
    complete_until: datetime | None
    offline_since: datetime | None
    missing: int


class ErrorRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer."""

    error: str
