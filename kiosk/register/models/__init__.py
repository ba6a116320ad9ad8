"""The tables of the register, by what they hold."""

from kiosk.register.models.accounts import Account, ApiToken, Invitation, Teaching
from kiosk.register.models.erasure import Erasure, ErasureOrder, RetentionRun
from kiosk.register.models.events import (
    Alarm,
    BinEntry,
    Dismissal,
    Event,
    Gap,
    Kiosk,
    Outbox,
    Register,
    TimeCorrection,
)
from kiosk.register.models.identity import KioskKey, NameUseRow
from kiosk.register.models.lessons import Guest, Lesson, Mark, MarkChange, RoomName, RuleSet, Taken
from kiosk.register.models.participation import ParticipationPoint, ParticipationWindow
from kiosk.register.models.people import Card, Consent, Membership, Person, SchoolClass, Term
from kiosk.register.models.service import (
    Blind,
    Change,
    Heartbeat,
    KioskAlert,
    Publication,
    Upload,
    Watch,
)
from kiosk.register.rules.correction import Role

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
    "Erasure",
    "ErasureOrder",
    "Event",
    "Gap",
    "Guest",
    "Heartbeat",
    "Invitation",
    "Kiosk",
    "KioskAlert",
    "KioskKey",
    "Lesson",
    "Mark",
    "MarkChange",
    "Membership",
    "NameUseRow",
    "Outbox",
    "ParticipationPoint",
    "ParticipationWindow",
    "Person",
    "Publication",
    "Register",
    "RetentionRun",
    "Role",
    "RoomName",
    "RuleSet",
    "SchoolClass",
    "Taken",
    "Teaching",
    "Term",
    "TimeCorrection",
    "Upload",
    "Watch",
]
