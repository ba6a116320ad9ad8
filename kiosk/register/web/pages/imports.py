"""Import a roster or a timetable: upload, see what would change, confirm."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from kiosk.register.messages.reading import is_name
from kiosk.register.models import BinEntry, Kiosk, Lesson, SchoolClass, Upload
from kiosk.register.office import imports as table
from kiosk.register.office.plan_words import SHOWN, sections
from kiosk.register.office.timetable_import import Options
from kiosk.register.office.uploads import SIZE_MAX, keep, source_of
from kiosk.register.web.access import STAFF, SignedIn, in_order, page
from kiosk.register.web.application import config
from kiosk.register.web.words import CHANGES


@page(*STAFF)
def imports(request: SignedIn) -> HttpResponse:
    """Ask for a file."""
    sites = {*Kiosk.objects.values_list("site", flat=True)}
    sites |= {*Lesson.objects.values_list("site", flat=True).distinct()}
    context = {"sites": sorted(sites), "classes": in_order(SchoolClass.objects.all())}
    return render(request, "imports.html", context)


@page(*STAFF)
@require_POST
def upload(request: SignedIn) -> HttpResponse:
    """Keep the file, and go on to what it would change."""
    file = request.FILES.get("file")
    kind: table.Kind = "roster" if request.POST.get("kind") == "roster" else "timetable"
    options = Options(
        site=request.POST.get("site", "").strip(),
        class_id=request.POST.get("class", ""),
        room=request.POST.get("room", "").strip(),
    )
    problem = ""
    if file is None or not file.size:
        problem = _("Choose a file that is not empty.")
    elif file.size > SIZE_MAX:
        problem = _("The file is too large. Divide it.")
    elif kind == "timetable" and not is_name(options.site):
        problem = _("Write the site as its kiosks do: letters, digits, dots, hyphens.")
    if file is None or problem:
        messages.error(request, problem)
        return redirect("imports")
    kept = keep(request.user, kind, file.name or "", options, file.read(), timezone.now())
    return redirect("import", number=kept.pk)


@page(*STAFF)
def import_page(request: SignedIn, *, number: int) -> HttpResponse:
    """Show what a file would change; apply it when that is confirmed, or delete it."""
    now = timezone.now()
    uploads = Upload.objects.filter(account=request.user, expires_at__gt=now)
    kept = get_object_or_404(uploads, pk=number)
    if request.POST.get("do") == "discard":
        kept.delete()
        return redirect("imports")
    source = source_of(kept, config())
    if request.method == "POST":
        done = table.apply(source, request.POST.get("fingerprint", ""), now)
        if done is not None:
            kept.delete()
            return _report(request, done)
        messages.error(request, _("What is stored has changed meanwhile. Look at it again."))
        return redirect("import", number=number)
    found = table.preview(source, now)
    context = {
        "upload": kept,
        "found": found,
        "sections": [(one, CHANGES[one.code]) for one in sections(found.plan)]
        if found.plan
        else [],
        "shown_max": SHOWN,
        "is_zip": kept.file_name.lower().endswith(".zip"),
    }
    return render(request, "import.html", context)


def _report(request: SignedIn, done: table.Done) -> HttpResponse:
    messages.success(request, _("Imported."))
    if done.teachers:
        text = ngettext(
            "%(n)d teacher has classes now.", "%(n)d teachers have classes now.", done.teachers
        )
        messages.success(request, text % {"n": done.teachers})
    if done.kiosks:
        text = ngettext(
            "%(n)d kiosk is told its new lessons.",
            "%(n)d kiosks are told their new lessons.",
            done.kiosks,
        )
        messages.success(request, text % {"n": done.kiosks})
    if BinEntry.objects.filter(reason="unknown person", dismissed_at=None).exists():
        text = _("Messages of unknown people in the bin are processed again now.")
        messages.success(request, text)
    return redirect("imports")


urlpatterns = [
    path("imports", imports, name="imports"),
    path("imports/upload", upload, name="import-upload"),
    path("imports/<int:number>", import_page, name="import"),
]
