"""Mend: set marks of chosen students, confirm the register, give points."""

from collections.abc import Iterable
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from kiosk.register.marking.corrections import Changed, Outdated, set_marks, take
from kiosk.register.marking.facts import lesson_of
from kiosk.register.marking.participation import close_window, give_points, open_window
from kiosk.register.models import Lesson, MarkChange
from kiosk.register.overview.members import expected_in
from kiosk.register.rules.codes import Code
from kiosk.register.rules.correction import REASON_MAX, Refused, Role, may_change
from kiosk.register.web.access import MARKERS, SignedIn, changeable_lesson, page
from kiosk.register.web.application import config
from kiosk.register.web.class_state import counts_of, load_rows
from kiosk.register.web.pages.class_now import SEEN, SETTABLE, Form, show_class
from kiosk.register.web.refusals import denial_text, stale_text


@page(*MARKERS)
@require_POST
def mend(request: SignedIn, *, lesson_id: str) -> HttpResponse:
    """Set a status for the chosen students, and for nobody else."""
    lesson = changeable_lesson(request.user, lesson_id)
    chosen = _chosen(request, lesson)
    code, reason = request.POST.get("code", ""), request.POST.get("reason", "")
    if request.POST.get("do") == "seen":
        code, reason = Code.PRESENT.value, reason.strip() or SEEN
    form = Form(code=code, reason=reason, chosen=chosen)
    if not chosen or code not in SETTABLE:
        error = _("Choose at least one student, and a status.")
        return show_class(request, lesson, _with(form, error), 400)
    outcome = set_marks(
        lesson,
        chosen,
        Code(code),
        reason,
        account=request.user,
        settings=config().rules,
        now=timezone.now(),
    )
    match outcome:
        case Refused():
            error = denial_text(outcome, request.user.role)
            return show_class(request, lesson, _with(form, error), 400)
        case Outdated(subject_ids):
            again = Form(stale_text(), code, reason, chosen, subject_ids)
            return show_class(request, lesson, again, 409)
        case Changed(changes):
            if not changes:
                messages.warning(request, _("Nothing to change: the status is that already."))
            return _back_to(lesson, chosen, changes)


@page(*MARKERS)
@require_POST
def take_register(request: SignedIn, *, lesson_id: str) -> HttpResponse:
    """Note that the register is right as it stands."""
    lesson = changeable_lesson(request.user, lesson_id)
    now = timezone.now()
    refused = _refused(request, lesson)
    if refused is not None:
        return show_class(request, lesson, Form(denial_text(refused, request.user.role)), 400)
    if now < lesson.starts_at:
        return show_class(request, lesson, Form(_("The lesson has not begun yet.")), 400)
    take(lesson, request.user, now)
    messages.success(request, _("The register is taken."))
    if unknown := dict(counts_of(load_rows(lesson))).get(Code.NOT_KNOWN, 0):
        text = ngettext(
            "%(count)s student is not known yet.", "%(count)s students are not known yet.", unknown
        )
        messages.warning(request, text % {"count": unknown})
    return redirect("class-now", lesson_id=lesson_id)


@page(*MARKERS)
@require_POST
def points(request: SignedIn, *, lesson_id: str) -> HttpResponse:
    """Give the chosen students a point by hand, or take one back."""
    lesson = changeable_lesson(request.user, lesson_id)
    chosen = _chosen(request, lesson)
    reason = request.POST.get("reason", "").strip()
    form = Form(reason=reason, chosen=chosen)
    refused = _refused(request, lesson)
    if refused is not None:
        error = denial_text(refused, request.user.role)
        return show_class(request, lesson, _with(form, error), 400)
    if not chosen or len(reason) > REASON_MAX:
        error = _("Choose at least one student.")
        return show_class(request, lesson, _with(form, error), 400)
    is_back = request.POST.get("points") == "-1"
    given = give_points(
        lesson, chosen, -1 if is_back else 1, reason, account=request.user, now=timezone.now()
    )
    if given < len(chosen):
        messages.warning(request, _("Who has no point keeps none."))
    else:
        messages.success(request, _("The points are stored."))
    return _back_to(lesson, chosen)


@page(*MARKERS)
@require_POST
def window(request: SignedIn, *, lesson_id: str) -> HttpResponse:
    """Open or close participation."""
    lesson = changeable_lesson(request.user, lesson_id)
    now = timezone.now()
    if request.POST.get("state") == "closed":
        close_window(lesson, now)
        messages.success(request, _("Participation is closed."))
    elif open_window(lesson, request.user, now):
        messages.success(request, _("Participation is open: who is recognised gets a point."))
    else:
        messages.warning(request, _("Participation is open already, or the lesson is over."))
    return redirect("class-now", lesson_id=lesson_id)


def _refused(request: SignedIn, lesson: Lesson) -> Refused | None:
    role = Role(request.user.role)
    return may_change(role, lesson_of(lesson), config().rules, timezone.now())


def _chosen(request: SignedIn, lesson: Lesson) -> dict[str, int]:
    """Return the version that the page showed of each chosen student, who must be of the class."""
    members = {one.subject_id for one in expected_in(lesson)}
    chosen: dict[str, int] = {}
    for value in request.POST.getlist("student"):
        version, _colon, subject_id = value.partition(":")
        if subject_id in members and version.isdecimal() and len(version) < 10:
            chosen[subject_id] = int(version)
    return chosen


def _back_to(
    lesson: Lesson, chosen: Iterable[str], changes: Iterable[MarkChange] = ()
) -> HttpResponse:
    """Show the page again at the first of the rows that were chosen, with what can be undone."""
    there = reverse("class-now", kwargs={"lesson_id": lesson.lesson_id})
    query = urlencode([("changed", one.pk) for one in changes])
    return redirect(f"{there}{'?' if query else ''}{query}#row-{next(iter(chosen))}")


def _with(form: Form, error: str) -> Form:
    return Form(error, form.code, form.reason, form.chosen, form.stale)


urlpatterns = [
    path("lessons/<path:lesson_id>/mend", mend, name="mend"),
    path("lessons/<path:lesson_id>/take", take_register, name="take-register"),
    path("lessons/<path:lesson_id>/points", points, name="points"),
    path("lessons/<path:lesson_id>/participation", window, name="participation"),
]
