"""The classes that an account may see, each with how it attended lately."""

from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone

from kiosk.register.models import SchoolClass
from kiosk.register.overview.class_sums import ClassSum, class_sums
from kiosk.register.overview.history import Counting, Span
from kiosk.register.web.access import MARKERS, SignedIn, in_order, page, visible_classes
from kiosk.register.web.application import config
from kiosk.register.web.tags import titled

_LATELY = timedelta(days=13)
_ROW_DAYS = 3
"""From so many days absent in a row a student is counted here."""


@dataclass(frozen=True, slots=True)
class Card:
    """A class in the list."""

    school_class: SchoolClass
    title: str
    sum: ClassSum


@page(*MARKERS)
def classes(request: SignedIn) -> HttpResponse:
    """Show the list."""
    now = timezone.now()
    today = timezone.localdate(now)
    settings = config()
    counting = Counting(settings.zone, settings.rules.noon, settings.codes)
    span = Span(today - _LATELY, today)
    visible = visible_classes(request.user)
    sums = class_sums(visible, span, _ROW_DAYS, now=now, counting=counting)
    listed = titled(one for one in in_order(visible) if one.pk in sums)
    cards = [Card(one, title, sums[one.pk]) for one, title in listed]
    return render(request, "classes.html", {"cards": cards, "row_days": _ROW_DAYS})


urlpatterns = [path("classes", classes, name="classes")]
