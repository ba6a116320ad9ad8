"""Consent to face recognition: who gave it, who withdrew it, and what is not erased yet."""

from datetime import datetime, time
from typing import Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from kiosk.register.alphabet import told_apart
from kiosk.register.models import Consent, Person, Role
from kiosk.register.office import consent as office
from kiosk.register.overview.members import members_on
from kiosk.register.web.access import STAFF, SignedIn, in_order, page, visible_classes
from kiosk.register.web.pages.student import visible_people
from kiosk.register.web.spans import day_of

KEEPERS: Final = (*STAFF, Role.TECHNICIAN)
_TEXT_MAX: Final = 200
_RECEIPT_MAX: Final = 10_000


@page(*KEEPERS)
def consents(request: SignedIn) -> HttpResponse:
    """Show what must be erased; and to the office a class with its consents."""
    is_staff = request.user.role in STAFF
    classes = in_order(visible_classes(request.user)) if is_staff else []
    chosen = next((one for one in classes if one.pk == request.GET.get("class")), None)
    people = members_on(chosen.pk, timezone.localdate()) if chosen else []
    newest = office.newest_consents(people)
    names = told_apart({one.pk: one.name for one in people})
    facts = {
        "is_staff": is_staff,
        "classes": classes,
        "chosen": chosen,
        "rows": [(one, names[one.pk], newest.get(one.pk)) for one in people],
        "withdrawals": office.withdrawals(),
        "today": timezone.localdate(),
    }
    return render(request, "consents.html", facts)


@page(*STAFF)
@require_POST
def record_many(request: SignedIn) -> HttpResponse:
    """Record one consent for each chosen student of a class, as the forms came in."""
    school_class = get_object_or_404(
        visible_classes(request.user), pk=request.POST.get("class", "")
    )
    chosen = set(request.POST.getlist("student"))
    members = members_on(school_class.pk, timezone.localdate())
    people = [one for one in members if one.subject_id in chosen]
    given = _given(request)
    if isinstance(given, str) or not people:
        error = given if isinstance(given, str) else _("Choose at least one student.")
        messages.error(request, error)
    else:
        now = timezone.now()
        count = sum(office.record(one, *given, account=request.user, now=now) for one in people)
        text = ngettext("%(n)d consent is recorded.", "%(n)d consents are recorded.", count)
        messages.success(request, text % {"n": count})
    return redirect(f"{reverse('consents')}?{urlencode({'class': school_class.pk})}")


@page(*STAFF)
def consent(request: SignedIn, *, subject_id: str) -> HttpResponse:
    """Show the consents of a student; a form records a new one."""
    person = _person(request, subject_id)
    error = _record(request, person) if request.method == "POST" else ""
    if request.method == "POST" and not error:
        return redirect("consent", subject_id=subject_id)
    newest = office.newest_consents([person]).get(person.subject_id)
    facts = {
        "person": person,
        "newest": newest,
        "is_given": newest is not None and newest.withdrawn_at is None,
        "history": Consent.objects.filter(person=person).order_by("-pk"),
        "withdrawals": office.withdrawals([person]),
        "is_staff": True,
        "today": timezone.localdate(),
        "error": error,
        "form": request.POST,
    }
    return render(request, "consent.html", facts, status=400 if error else 200)


@page(*STAFF)
@require_POST
def withdraw(request: SignedIn, *, subject_id: str) -> HttpResponse:
    """Record a withdrawal, and say what must be done now."""
    person = _person(request, subject_id)
    if office.withdraw(person, request.user, timezone.now()):
        text = _("The consent is withdrawn. See below at which kiosks the face is not erased yet.")
        messages.warning(request, text)
    else:
        messages.error(request, _("No consent stands that could be withdrawn."))
    return redirect("consent", subject_id=subject_id)


@page(*KEEPERS)
@require_POST
def erased(request: SignedIn, *, number: int) -> HttpResponse:
    """Record the word of a person that a face was erased at every kiosk."""
    row = get_object_or_404(Consent, pk=number)
    receipt = request.POST.get("receipt", "").strip()
    if not receipt or len(receipt) > _RECEIPT_MAX:
        messages.error(request, _("Enter what the command has printed at each kiosk."))
    elif office.confirm_erased(row, receipt, request.user, timezone.now()):
        messages.success(request, _("Recorded: the face was erased."))
    else:
        messages.error(request, _("Nothing is open there."))
    return redirect("consents")


def _record(request: SignedIn, person: Person) -> str:
    """Record the consent of the form; return what is wrong with it, "" if nothing is."""
    given = _given(request)
    if isinstance(given, str):
        return given
    if not office.record(person, *given, account=request.user, now=timezone.now()):
        return _("A consent stands already.")
    messages.success(request, _("The consent is recorded."))
    return ""


def _given(request: SignedIn) -> tuple[datetime, str, str] | str:
    """Return when, by whom and to which text a consent was given; or what is wrong."""
    given_by = request.POST.get("given_by", "").strip()
    text_id = request.POST.get("text_id", "").strip()
    day = day_of(request.POST.get("given_at", ""))
    if day is None or day > timezone.localdate():
        return _("Enter the day on which it was given: not before the year 2000, nor after today.")
    if not given_by or not text_id or max(len(given_by), len(text_id)) > _TEXT_MAX:
        return _("Enter who gave the consent, and to which version of the text.")
    return timezone.make_aware(datetime.combine(day, time.min)), given_by, text_id


def _person(request: SignedIn, subject_id: str) -> Person:
    return get_object_or_404(visible_people(request.user), subject_id=subject_id)


urlpatterns = [
    path("consents", consents, name="consents"),
    path("consents/record", record_many, name="consents-record"),
    path("consents/<int:number>/erased", erased, name="consent-erased"),
    path("students/<path:subject_id>/consent", consent, name="consent"),
    path("students/<path:subject_id>/consent/withdraw", withdraw, name="consent-withdraw"),
]
