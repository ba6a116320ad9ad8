"""Class now: the students of a lesson with their marks, live."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path

from kiosk.register.members import members_on
from kiosk.register.models import Lesson, Mark
from kiosk.register.web.access import MARKERS, SignedIn, page, visible_lesson


@dataclass(frozen=True, slots=True)
class Row:
    """A student with the mark; ``None`` while nothing is known."""

    subject_id: str
    name: str
    mark: Mark | None

    @property
    def status(self) -> str:
        """The code that counts now."""
        return self.mark.status if self.mark else "not-known"


@page(*MARKERS)
def class_now(request: SignedIn, *, lesson_id: str) -> HttpResponse:
    """Show the page, or to htmx only the rows."""
    lesson = visible_lesson(request.user, lesson_id)
    template = "class_now_rows.html" if request.headers.get("HX-Request") else "class_now.html"
    return render(request, template, {"lesson": lesson, "rows": rows(lesson)})


def rows(lesson: Lesson) -> list[Row]:
    """Return who is in the class on the lesson's date, by name, with their marks."""
    marks = {one.person_id: one for one in lesson.marks.all()}
    people = members_on(lesson.school_class_id, lesson.date)
    return [Row(one.subject_id, one.name, marks.get(one.subject_id)) for one in people]


urlpatterns = [path("lessons/<path:lesson_id>/now", class_now, name="class-now")]
