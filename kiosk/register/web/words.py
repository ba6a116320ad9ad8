"""Codes of the register in words."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from kiosk.register.exports.records import Why
from kiosk.register.handover.files import Kind
from kiosk.register.office.guests import GuestProblem
from kiosk.register.office.terms import TermProblem
from kiosk.register.office.trouble import Trouble
from kiosk.register.rules.correction import Denial

BIN_REASONS: Final = {
    "foreign payload": _("not a message of a kiosk"),
    "unknown type": _("of a newer version"),
    "unknown kiosk": _("unknown kiosk"),
    "unknown person": _("unknown person"),
    "future time": _("from the future"),
    "signature not accepted": _("signature not accepted"),
    "revoked card": _("of a revoked card"),
    "no lesson": _("no lesson there and then"),
    "lesson cancelled": _("the lesson was cancelled"),
    "lesson moved": _("the lesson was moved"),
    "clock not synchronised": _("the time is not certain"),
    "not in the class": _("not in the class"),
    "refused by the database": _("refused by the database"),
}
BIN_HELP: Final = {
    "foreign payload": _(
        "Something publishes to the topics of the kiosks. See who may in the broker's access list."
    ),
    "unknown type": _(
        "Install the newer version of the register: then they are placed by themselves."
    ),
    "unknown kiosk": _("Add the kiosk to the list of kiosks: then they are placed by themselves."),
    "unknown person": _(
        "Assign each to a student, or import the roster: then they are placed by themselves."
    ),
    "future time": _(
        "The clock of the kiosk was ahead. They are placed by themselves at their time, or when "
        "the kiosk has corrected it."
    ),
    "signature not accepted": _(
        "The kiosk's key is not the one that is trusted, or somebody else sent these. Check the "
        "key of the kiosk; when it is trusted, they are placed by themselves."
    ),
    "revoked card": _(
        "Somebody showed a card after it was revoked. Find out who, then dismiss them."
    ),
    "no lesson": _(
        "Import the timetable: then they are placed by themselves. Dismiss what is of no lesson."
    ),
    "not in the class": _(
        "Somebody was seen at another class's lesson. Mend the roster, or add the student to the "
        "lesson as a guest: then they are placed by themselves. Dismiss the others."
    ),
}
"""What to do about each reason."""
TROUBLES: Final = {
    Trouble.OFFLINE: _("offline"),
    Trouble.NO_HEALTH: _("says nothing about itself"),
    Trouble.UNREADABLE: _("its report is not understood; update the register"),
    Trouble.CAMERA: _("gives no usable picture"),
    Trouble.NOBODY: _("nobody is enrolled on it"),
    Trouble.DROPPED: _("has deleted events that were never sent"),
    Trouble.IN_MEMORY: _("cannot store events on its disk"),
    Trouble.SET_ASIDE: _("has damaged events"),
    Trouble.MISSING: _("events are missing"),
    Trouble.CLOCK: _("its clock is not synchronised"),
    Trouble.POWER: _("its power supply is too weak"),
    Trouble.DISK: _("its disk is nearly full"),
    Trouble.HOT: _("is too hot"),
    Trouble.REFUSES: _("refuses most faces"),
}
CAMERA: Final = {
    "starting": _("starting"),
    "ok": _("works"),
    "lost": _("lost; the kiosk tries again"),
    "hung": _("hangs: no picture comes"),
    "black": _("black picture"),
    "covered": _("covered"),
    "frozen": _("frozen: always the same picture"),
}
REFUSALS: Final = {
    "upside down": (_("upside down"), _("The camera hangs upside down: set camera.rotation.")),
    "turned by more than 40°": (
        _("turned by more than 40°"),
        _("The camera lies on its side: set camera.rotation."),
    ),
    "too small": (
        _("too small"),
        _("Mount the camera nearer, or lower quality.eye_distance_min_px."),
    ),
    "turned away": (_("turned away"), _("Mount the camera where people look at it.")),
    "too dark": (_("too dark"), _("Add light, or lower quality.brightness_min.")),
    "too bright": (_("too bright"), _("Turn the camera away from the light.")),
    "blurred": (_("blurred"), _("Clean or focus the lens, or add light.")),
}
"""Why a kiosk refuses a face, and what to do about it."""
ALERTS: Final = {
    "silent": _("silent in lesson time"),
    "blind": _("without a picture in lesson time"),
}
CHANGES: Final = {
    "people_added": _("New students"),
    "people_changed": _("Students with another name, id or address"),
    "classes_added": _("New classes"),
    "classes_changed": _("Classes with another title or course"),
    "terms_added": _("New terms"),
    "terms_changed": _("Terms with other days"),
    "memberships_begun": _("Come into a class"),
    "memberships_changed": _("Leave a class, or with other days"),
    "past_lists_changed": _("Lists of days that are over change"),
    "lessons_added": _("New lessons"),
    "lessons_changed": _("Lessons with another time, room or title"),
    "lessons_cancelled": _("Lessons that are cancelled"),
    "lessons_over": _("Lessons that are over, so not added, changed or cancelled"),
}
"""What an import changes."""
FILES: Final = {
    Kind.MARKS: _("Marks, a row for each student and lesson (CSV)"),
    Kind.STUDENTS: _("Sums of each student (CSV)"),
    Kind.CHANGES: _("Changes: who changed what, and why (CSV)"),
    Kind.WORKBOOK: _("All three as sheets of a workbook (XLSX)"),
    Kind.MOODLE: _("Moodle: marks of one lesson (CSV)"),
    Kind.CANVAS: _("Canvas: a column of the gradebook (CSV)"),
    Kind.ED_FI: _("Ed-Fi: attendance events (JSON)"),
}
LEFT_OUT: Final = {
    Why.NO_ACRONYM: _("the status has no acronym in Moodle"),
    Why.SAME_ID: _("another student has the same id"),
    Why.FORMULA: _("an id that a spreadsheet would run"),
    Why.NOTHING_COUNTS: _("no lesson that counts toward the rate"),
    Why.NO_CATEGORY: _("the status has no category in Ed-Fi"),
    Why.LONG_ID: _("the id is longer than 32 characters"),
    Why.TWICE: _("Ed-Fi takes a category once for a section and day"),
    Why.NO_SCHOOL: _("the school has no number of Ed-Fi (exports.ed_fi_school_id)"),
    Why.NO_COURSE: _("the class has no course code"),
    Why.NO_TERM: _("the day is in no term"),
}
DENIALS: Final = {
    Denial.ROLE: _("Your account may not correct marks."),
    Denial.WINDOW: _("The time to correct this lesson is over. Ask the office."),
    Denial.CANCELLED: _("The lesson is cancelled and has no marks."),
    Denial.REASON: _("Write a reason: others will read it."),
    Denial.REASON_TOO_LONG: _("The reason is longer than %(count)s characters."),
    Denial.UNCHANGED: _("The mark has this status already."),
    Denial.NOT_KNOWN: _("Undo the correction to return to what the kiosks say."),
}
"""Why a change is not made, and what to do."""
SCOPES: Final = {
    "attendance": _("Names, marks and events"),
    "kiosks": _("The state of the kiosks"),
}
"""What a token may read."""
STEPS: Final = {
    "roster": _("Students and classes"),
    "timetable": _("Timetable"),
    "kiosk": _("A kiosk"),
    "enrolled": _("Enrolment"),
    "accounts": _("Accounts"),
    "teachers": _("Teachers of classes"),
}
"""What a new system needs."""

GUEST_PROBLEMS: Final = {
    GuestProblem.NOBODY: _("No student has this id, or exactly this name."),
    GuestProblem.SEVERAL: _("Several students have this name: write the id."),
    GuestProblem.EXPECTED: _("This student is in the lesson already."),
}
TERM_PROBLEMS: Final = {
    TermProblem.TITLE: _("Give the term a title of at most 60 characters."),
    TermProblem.DAYS: _(
        "Give the first and the last day, between the years 2000 and 2099; the last may not be "
        "before the first."
    ),
    TermProblem.TAKEN: _("Another term has this title."),
    TermProblem.IN_USE: _("Lessons are in this term: change its days instead."),
    TermProblem.GONE: _("This term is gone meanwhile."),
}
