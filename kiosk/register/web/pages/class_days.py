"""A class by days: each student's days, the rate as a plot, who is absent day after day.

From here each lesson can be opened, also one to come: a parent tells in advance who will be absent.
"""

from datetime import timedelta
from typing import Final

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils import timezone

from kiosk.register.alphabet import told_apart
from kiosk.register.models import Term
from kiosk.register.overview.history import Counting, lessons_to_come
from kiosk.register.overview.history import class_days as load
from kiosk.register.web.access import MARKERS, SignedIn, page, visible_classes
from kiosk.register.web.application import config
from kiosk.register.web.spans import span_of

_AHEAD: Final = timedelta(days=7)


@page(*MARKERS)
def class_days(request: SignedIn, *, class_id: str) -> HttpResponse:
    """Show the class over the span of the address."""
    school_class = get_object_or_404(visible_classes(request.user), class_id=class_id)
    now = timezone.now()
    span = span_of(request, timezone.localdate(now))
    settings = config()
    counting = Counting(settings.zone, settings.rules.noon, settings.codes)
    days = load(class_id, span, now=now, counting=counting)
    names = told_apart({one.person.pk: one.person.name for one in days.students})
    rows = [
        (one, names[one.person.pk], [one.days.get(day) for day in days.days])
        for one in days.students
    ]
    facts = {
        "school_class": school_class,
        "span": span,
        "lessons": days.lessons,
        "to_come": lessons_to_come(class_id, now, _AHEAD),
        "rows": rows,
        "rates": [(day, days.rate_of(day)) for day in days.days],
        "terms": Term.objects.order_by("begin"),
    }
    return render(request, "class_days.html", facts)


urlpatterns = [path("classes/<path:class_id>/days", class_days, name="class-days")]
