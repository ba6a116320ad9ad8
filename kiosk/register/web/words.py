"""Codes of the register in words."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from kiosk.register.office.trouble import Trouble

BIN_REASONS: Final = {
    "foreign payload": _("not a message of a kiosk"),
    "unknown type": _("of a newer version"),
    "unknown kiosk": _("unknown kiosk"),
    "unknown person": _("unknown person"),
    "future time": _("from the future"),
    "no lesson": _("no lesson there and then"),
    "lesson cancelled": _("the lesson was cancelled"),
    "lesson moved": _("the lesson was moved"),
    "clock not synchronised": _("the kiosk's clock was wrong"),
    "not in the class": _("not in the class"),
    "refused by the database": _("refused by the database"),
}
BIN_HELP: Final = {
    "foreign payload": _(
        "Something publishes to the topics of the kiosks. See who may in the broker's access list."
    ),
    "unknown type": _("Install the newer version of the register, then process these again."),
    "unknown kiosk": _("Add the kiosk to the list of kiosks, then process these again."),
    "unknown person": _("Assign each to a student, or import the roster and process these again."),
    "future time": _("The clock of the kiosk was ahead. Process these again when it is right."),
    "no lesson": _("Import the timetable, then process these again; or dismiss them."),
    "not in the class": _(
        "Somebody was seen at another class's lesson. Mend the roster and process these again, or "
        "dismiss them."
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
