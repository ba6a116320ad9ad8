"""The classes that an account may see, each with how it attended lately."""

from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone

from kiosk.register.history import ClassDays, Counting, Span, class_days
from kiosk.register.models import SchoolClass
from kiosk.register.rules.day import Rate
from kiosk.register.web.access import MARKERS, SignedIn, page, visible_classes
from kiosk.register.web.application import config

_LATELY = timedelta(days=13)
_ROW_DAYS = 3
"""From so many days absent in a row a student is counted here."""


@dataclass(frozen=True, slots=True)
class Card:
    """A class in the list."""

    school_class: SchoolClass
    members: int
    rate: Rate
    often_absent: int


@page(*MARKERS)
def classes(request: SignedIn) -> HttpResponse:
    """Show the list."""
    now = timezone.now()
    today = timezone.localdate(now)
    settings = config()
    counting = Counting(settings.zone, settings.rules.noon, settings.codes)
    span = Span(today - _LATELY, today)
    cards = [
        _card(one, class_days(one.pk, span, now=now, counting=counting))
        for one in visible_classes(request.user)
    ]
    return render(request, "classes.html", {"cards": cards, "row_days": _ROW_DAYS})


def _card(school_class: SchoolClass, days: ClassDays) -> Card:
    often = sum(one.run.days >= _ROW_DAYS for one in days.students)
    return Card(school_class, len(days.students), days.rate, often)


urlpatterns = [path("classes", classes, name="classes")]
