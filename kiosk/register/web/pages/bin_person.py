"""Say who an unknown person in the bin is, or who a temporary student was."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kiosk.register.identity.keys import signature_policy
from kiosk.register.models import Person, SchoolClass
from kiosk.register.office import unknown_people
from kiosk.register.office.merge import merge
from kiosk.register.web.access import STAFF, SignedIn, in_order, page, visible_classes
from kiosk.register.web.application import config
from kiosk.register.web.bin_report import report_placed


@page(*STAFF)
def bin_person(request: SignedIn, *, subject_id: str) -> HttpResponse:
    """Make an unknown subject id a student of the list, or a temporary one."""
    found = unknown_people.messages_of(subject_id)
    former = Person.objects.filter(subject_id=subject_id).first()
    if not found.numbers:
        raise Http404
    problem = ""
    if request.method == "POST":
        outcome = _assign(request, subject_id, former, found)
        if isinstance(outcome, tuple):
            report_placed(request, *outcome)
            return redirect("bin")
        problem = outcome
    text = request.GET.get("q", "")
    context = {
        "subject_id": subject_id,
        "found": found,
        "former": former,
        "q": text,
        "students": unknown_people.find_students(text),
        "classes": in_order(visible_classes(request.user)),
        "problem": problem,
    }
    return render(request, "bin_person.html", context)


@page(*STAFF)
def merge_page(request: SignedIn, *, subject_id: str) -> HttpResponse:
    """Say who a temporary student was."""
    temporary = get_object_or_404(
        Person, subject_id=subject_id, is_temporary=True, merged_into=None
    )
    if request.method == "POST":
        student = _students().filter(subject_id=request.POST.get("student", "")).first()
        if student is not None:
            count = merge(temporary, student, request.user, timezone.now())
            text = ngettext(
                "Merged; %(count)d mark moved.", "Merged; %(count)d marks moved.", count
            )
            messages.success(request, text % {"count": count})
            return redirect("bin")
        messages.error(request, _("Choose a student."))
    text = request.GET.get("q", "")
    students = unknown_people.find_students(text)
    return render(request, "merge.html", {"temporary": temporary, "q": text, "students": students})


def _assign(
    request: SignedIn, subject_id: str, former: Person | None, found: unknown_people.Messages
) -> tuple[int, int] | str:
    """Do what the form asks for; return how many were placed and remain, or what is missing."""
    now, policy = timezone.now(), signature_policy(config().register)
    name = request.POST.get("name", "").strip()
    if former is not None and not former.is_temporary:
        return unknown_people.put_back(former, now, policy)
    if request.POST.get("do") == "assign":
        student = _students().filter(subject_id=request.POST.get("student", "")).first()
        if student is None:
            return _("Choose a student.")
        return unknown_people.assign(subject_id, student, now, policy)
    if not name:
        return _("Give the temporary student a name, so that others recognise it.")
    school_class = SchoolClass.objects.filter(pk=request.POST.get("class", "")).first()
    begin = timezone.localdate(found.first_at)
    return unknown_people.make_temporary(
        subject_id, name[:200], school_class, begin, now=now, policy=policy
    )


def _students() -> QuerySet[Person]:
    return Person.objects.filter(is_listed=True, is_temporary=False)


urlpatterns = [
    path("bin/people/<path:subject_id>", bin_person, name="bin-person"),
    path("people/<path:subject_id>/merge", merge_page, name="merge"),
]
