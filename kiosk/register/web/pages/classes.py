"""The classes that an account may see, each with how it attended lately."""

from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone

from kiosk.register.history import ClassDays, Span, class_days
from kiosk.register.models import SchoolClass
from kiosk.register.rules.day import Rate, rate
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
    cards = [
        _card(
            one,
            class_days(
                one.pk,
                Span(today - _LATELY, today),
                now=now,
                zone=settings.zone,
                noon=settings.rules.noon,
            ),
        )
        for one in visible_classes(request.user)
    ]
    return render(request, "classes.html", {"cards": cards, "row_days": _ROW_DAYS})


def _card(school_class: SchoolClass, days: ClassDays) -> Card:
    codes = (
        mark.code for one in days.students for mark in one.days.values() if mark.code is not None
    )
    often = sum(one.run.days >= _ROW_DAYS for one in days.students)
    return Card(school_class, len(days.students), rate(codes), often)


urlpatterns = [path("classes", classes, name="classes")]
