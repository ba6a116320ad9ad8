"""The addresses of the API: one table, which both the requests and the OpenAPI document read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from kiosk.register.web.api import answers
from kiosk.register.web.api.records import (
    ChangeRecord,
    ClassRecord,
    EventRecord,
    KioskRecord,
    LessonRecord,
    MarkRecord,
)
from kiosk.register.web.api.tokens import Scope
from kiosk.register.web.spans import FIRST_DAY, LAST_DAY, day_of


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter in the query of an address."""

    name: str
    kind: Literal["date", "position", "text"]
    text: str
    is_required: bool = False

    def problem(self, value: str | None) -> str | None:
        """Return what is wrong with a value; ``None`` if nothing is."""
        if not value:
            return f"{self.name}: missing, expected {self.expected}" if self.is_required else None
        return None if self._fits(value) else f"{self.name}: expected {self.expected}"

    @property
    def expected(self) -> str:
        """What a value looks like."""
        if self.kind == "date":
            return f"a day such as 2026-11-25, from {FIRST_DAY} to {LAST_DAY}"
        return {"position": "a number", "text": "a text"}[self.kind]

    def _fits(self, value: str) -> bool:
        if self.kind == "position":
            return value.isascii() and value.isdecimal() and len(value) <= 18
        return self.kind == "text" or day_of(value) is not None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address: who may ask, for what, and the function that answers.

    ``answer`` returns ``None`` where what the request names is not there.
    """

    name: str
    scope: Scope
    summary: str
    record: type
    answer: Callable[[answers.Values, datetime], list[Any] | None]
    parameters: tuple[Parameter, ...] = ()


_AFTER: Final = Parameter("after", "position", "Only what is after this position; 0 by default.")

ENDPOINTS: Final = (
    Endpoint("classes", "attendance", "All classes", ClassRecord, answers.classes),
    Endpoint(
        "lessons",
        "attendance",
        "The lessons of a day",
        LessonRecord,
        answers.lessons,
        (
            Parameter("date", "date", "The day, in the site's time zone.", is_required=True),
            Parameter("class_id", "text", "Only this class."),
        ),
    ),
    Endpoint(
        "marks",
        "attendance",
        "The students of a lesson with their marks",
        MarkRecord,
        answers.marks,
        (Parameter("lesson_id", "text", "The lesson.", is_required=True),),
    ),
    Endpoint(
        "changes",
        "attendance",
        "Changes of marks, oldest first, 500 at a time",
        ChangeRecord,
        answers.changes,
        (_AFTER,),
    ),
    Endpoint(
        "events",
        "attendance",
        "Events of the kiosks in the order of storing, 500 at a time",
        EventRecord,
        answers.events,
        (_AFTER,),
    ),
    Endpoint("kiosks", "kiosks", "How complete each kiosk is", KioskRecord, answers.kiosks),
)
