"""The tables of the register, by what they hold."""

from kiosk.register.models.accounts import Account, ApiToken, Invitation, Role, Teaching
from kiosk.register.models.events import (
    Alarm,
    BinEntry,
    Dismissal,
    Event,
    Gap,
    Kiosk,
    Outbox,
    Register,
)
from kiosk.register.models.lessons import Lesson, Mark, MarkChange, Taken
from kiosk.register.models.participation import ParticipationPoint, ParticipationWindow
from kiosk.register.models.people import Card, Consent, Membership, Person, SchoolClass, Term
from kiosk.register.models.service import Blind, Change, Heartbeat, KioskAlert, Publication, Upload

__all__ = [
    "Account",
    "Alarm",
    "ApiToken",
    "BinEntry",
    "Blind",
    "Card",
    "Change",
    "Consent",
    "Dismissal",
    "Event",
    "Gap",
    "Heartbeat",
    "Invitation",
    "Kiosk",
    "KioskAlert",
    "Lesson",
    "Mark",
    "MarkChange",
    "Membership",
    "Outbox",
    "ParticipationPoint",
    "ParticipationWindow",
    "Person",
    "Publication",
    "Register",
    "Role",
    "SchoolClass",
    "Taken",
    "Teaching",
    "Term",
    "Upload",
]
