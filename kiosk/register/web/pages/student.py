"""A student: every lesson of a span with its mark, the days rolled up, and the rate."""

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils import timezone

from kiosk.register.models import Account, Guest, Lesson, Membership, Person, Term
from kiosk.register.overview.history import Counting, student_days, student_lines
from kiosk.register.web.access import MARKERS, SignedIn, page, visible_classes
from kiosk.register.web.application import config
from kiosk.register.web.spans import span_of


@page(*MARKERS)
def student(request: SignedIn, *, subject_id: str) -> HttpResponse:
    """Show the student's lessons in the classes that the account may see."""
    person = get_object_or_404(visible_people(request.user), subject_id=subject_id)
    now = timezone.now()
    span = span_of(request, timezone.localdate(now))
    settings = config()
    lessons = Lesson.objects.filter(school_class__in=visible_classes(request.user))
    lines = student_lines(person, lessons, span, now)
    counting = Counting(settings.zone, settings.rules.noon, settings.codes)
    days = student_days(person, lines, counting)
    facts = {
        "person": person,
        "span": span,
        "lines": lines,
        "days": days,
        "terms": Term.objects.order_by("begin"),
    }
    return render(request, "student.html", facts)


def visible_people(account: Account) -> QuerySet[Person]:
    """Return who is, or was, in a class that an account may see, or a guest there."""
    classes = visible_classes(account)
    is_member = Q(pk__in=Membership.objects.filter(school_class__in=classes).values("person"))
    is_guest = Q(pk__in=Guest.objects.filter(lesson__school_class__in=classes).values("person"))
    return Person.objects.filter(is_member | is_guest)


urlpatterns = [path("students/<path:subject_id>/lessons", student, name="student")]
