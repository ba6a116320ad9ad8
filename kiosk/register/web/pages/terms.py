"""Terms: the named spans of days that pages and files offer."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kiosk.register.office import terms as office
from kiosk.register.web.access import STAFF, SignedIn, page
from kiosk.register.web.spans import day_of
from kiosk.register.web.words import TERM_PROBLEMS


@page(*STAFF)
def terms(request: SignedIn) -> HttpResponse:
    """Show all terms, with a form for each and for a new one."""
    return _show(request)


@page(*STAFF)
@require_POST
def change(request: SignedIn) -> HttpResponse:
    """Store a term, or delete it."""
    before = request.POST.get("term", "")
    if request.POST.get("do") == "delete":
        problem = office.delete_term(before)
    else:
        title = request.POST.get("title", "").strip()
        begin, end = day_of(request.POST.get("begin")), day_of(request.POST.get("end"))
        problem = office.save_term(before, title, begin, end)
    if problem is not None:
        return _show(request, str(TERM_PROBLEMS[problem]))
    messages.success(request, _("Saved."))
    return redirect("terms")


def _show(request: SignedIn, error: str = "") -> HttpResponse:
    facts = {"terms": office.terms(), "error": error, "form": request.POST}
    return render(request, "terms.html", facts, status=400 if error else 200)


urlpatterns = [
    path("terms", terms, name="terms"),
    path("terms/change", change, name="terms-change"),
]
