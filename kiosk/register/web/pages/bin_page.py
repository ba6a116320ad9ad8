"""The bin: what could not be placed, with the reason, and what can be done about it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from kiosk.register.identity.keys import signature_policy
from kiosk.register.models import Role
from kiosk.register.models.placing import DISMISSED
from kiosk.register.office import bin as table
from kiosk.register.office.unknown_people import temporary_students
from kiosk.register.web.access import STAFF, SignedIn, page
from kiosk.register.web.application import config
from kiosk.register.web.bin_report import report_placed
from kiosk.register.web.words import BIN_HELP, BIN_REASONS

KEEPERS = (*STAFF, Role.TECHNICIAN)


@page(*KEEPERS)
def bin_page(request: SignedIn) -> HttpResponse:
    """Show what is in the bin, or to htmx only the list."""
    reason = request.GET.get("reason", "")
    counts = table.reasons()
    is_staff = request.user.role in STAFF
    context = {
        "reason": reason,
        "help": BIN_HELP.get(reason, ""),
        "counts": [(one, BIN_REASONS.get(one, one), count) for one, count in counts.items()],
        "total": sum(counts.values()),
        "items": [(one, BIN_REASONS.get(one.reason, one.reason)) for one in table.items(reason)],
        "shown_max": table.SHOWN,
        "is_dismissed": reason == DISMISSED,
        "is_staff": is_staff,
        "temporary": temporary_students() if is_staff else [],
    }
    is_part = bool(request.headers.get("HX-Request"))
    return render(request, "bin_page_list.html" if is_part else "bin_page.html", context)


@page(*KEEPERS)
@require_POST
def change(request: SignedIn) -> HttpResponse:
    """Process the chosen items again, or dismiss them."""
    keys = request.POST.getlist("item")
    why = request.POST.get("why", "").strip()
    if not keys:
        messages.error(request, _("Nothing was chosen."))
    elif request.POST.get("do") == "again":
        policy = signature_policy(config().register)
        placed, remaining = table.process_again(keys, timezone.now(), policy)
        report_placed(request, placed, remaining)
    elif not why:
        messages.error(request, _("Say why, then dismiss again. Nothing was changed."))
    else:
        count = table.dismiss(keys, request.user, why[:500], timezone.now())
        text = ngettext("%(count)d is dismissed.", "%(count)d are dismissed.", count)
        messages.success(request, text % {"count": count})
    reason = request.POST.get("reason", "")
    query = f"?{urlencode({'reason': reason})}" if reason else ""
    return redirect(reverse("bin") + query)


urlpatterns = [
    path("bin", bin_page, name="bin"),
    path("bin/change", change, name="bin-change"),
]
