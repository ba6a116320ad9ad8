"""Codes of the register in words."""

from typing import Final

from django.utils.translation import gettext_lazy as _

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
