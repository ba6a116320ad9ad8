"""Exports: choose marks, see what each file leaves out, and download it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.http.request import QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from kiosk.register.alphabet import told_apart
from kiosk.register.exports.records import LeftOut, Line, Stamp, Why
from kiosk.register.handover.files import FOR_OTHER_SYSTEMS, File, Kind, make_file
from kiosk.register.handover.position import Position, position_of
from kiosk.register.handover.selection import Scope, Selection, select
from kiosk.register.models import Lesson, Register, Term
from kiosk.register.overview.history import Span
from kiosk.register.web.access import MARKERS, SignedIn, in_order, page, visible_classes
from kiosk.register.web.application import config
from kiosk.register.web.pages.student import visible_people
from kiosk.register.web.spans import span_of
from kiosk.register.web.words import FILES, LEFT_OUT

_LINES_MAX: Final = 100_000
"""92,000 lines took 3 s of processor time to read, 17 s as a workbook, and 0.8 GiB; the command has
no such limit."""
_NAMES: Final = 50
_LESSONS: Final = 40


@dataclass(frozen=True, slots=True)
class Omission:
    """Why some lines are not in a file: how many, and the first of them with the names."""

    reason: object
    count: int
    lines: tuple[tuple[str, Line], ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """A file that can be downloaded, or the reason why it cannot.

    Attributes:
        kind: What it is.
        title: That in words.
        address: Where.
        omissions: What it leaves out.
        problem: Why there is none; "" if there is.
    """

    kind: Kind
    title: object
    address: str
    omissions: tuple[Omission, ...] = ()
    problem: str = ""


@page(*MARKERS)
def exports(request: SignedIn) -> HttpResponse:
    """Show the form; and for what was chosen, the files."""
    classes = in_order(visible_classes(request.user))
    span = span_of(request, timezone.localdate())
    facts = {"classes": classes, "span": span, "terms": Term.objects.order_by("begin")}
    facts |= {"chosen": {key: request.GET.get(key, "") for key in ("class", "student", "lesson")}}
    if "class" not in request.GET:
        return render(request, "exports.html", facts)
    if error := _unknown_student(request):
        return render(request, "exports.html", {**facts, "error": error}, status=404)
    scope = _scope(request, span)
    try:
        position = position_of(request.GET.get("position", ""), timezone.now())
        selected = select(scope, position, config().zone_of, _LINES_MAX)
    except ValueError as exc:
        return render(request, "exports.html", {**facts, "error": str(exc)}, status=400)
    lessons = _lessons(scope, position) if request.GET["class"] else []
    facts |= {
        "lines": len(selected.lines),
        "position": position,
        "offers": [_offer(one, scope, selected, position, request.GET) for one in Kind],
        "lessons": lessons[:_LESSONS],
        "has_more": len(lessons) > _LESSONS,
    }
    return render(request, "exports.html", facts)


@page(*MARKERS)
def download(request: SignedIn, *, kind: str) -> HttpResponse:
    """Send a file: the same bytes for the same address with its position."""
    if kind not in {one.value for one in Kind}:
        raise Http404
    scope = _scope(request, span_of(request, timezone.localdate()))
    try:
        position = position_of(request.GET.get("position", ""), timezone.now())
        selected = select(scope, position, config().zone_of, _LINES_MAX)
        made = _make(Kind(kind), scope, selected, position)
    except ValueError as exc:
        return HttpResponse(f"{exc}\n", status=400, content_type="text/plain; charset=utf-8")
    response = HttpResponse(made.data, content_type=made.content_type)
    response.headers["Content-Disposition"] = content_disposition_header(True, made.name) or ""
    return response


def _unknown_student(request: SignedIn) -> str:
    student = request.GET.get("student", "")
    if not student or visible_people(request.user).filter(pk=student).exists():
        return ""
    return _("No student of your classes has this id. The page of a student shows it.")


def _scope(request: SignedIn, span: Span) -> Scope:
    """Return what the address asks for, as far as the account may see it.

    Raises:
        django.http.Http404: It may not, or there is no such class, student or lesson.
    """
    classes = visible_classes(request.user)
    asked = {key: request.GET.get(key, "") for key in ("class", "student", "lesson")}
    parts = []
    if asked["class"]:
        parts.append(get_object_or_404(classes, pk=asked["class"]).title)
        classes = classes.filter(pk=asked["class"])
    if asked["student"]:
        parts.append(get_object_or_404(visible_people(request.user), pk=asked["student"]).pk)
    if asked["lesson"]:
        lesson = get_object_or_404(Lesson, pk=asked["lesson"], school_class__in=classes)
        parts.append(lesson.title)
        span = Span(lesson.date, lesson.date)
    days = [str(one) for one in dict.fromkeys((span.first, span.last))]
    title = " ".join([*parts, *days])
    ids = [one.pk for one in classes]
    return Scope(title, ids, span, student=asked["student"], lesson=asked["lesson"])


def _lessons(scope: Scope, position: Position) -> list[Lesson]:
    """Return the lessons that Moodle may be given one of, the newest first."""
    first, last = scope.span.first, scope.span.last
    found = Lesson.objects.filter(
        school_class__in=scope.classes, date__gte=first, date__lte=last, status="scheduled"
    )
    begun = found.filter(starts_at__lte=position.at).order_by("-starts_at", "pk")
    return list(begun[: _LESSONS + 1])


def _make(kind: Kind, scope: Scope, selected: Selection, position: Position) -> File:
    register_id = Register.objects.values_list("register_id", flat=True).first() or ""
    return make_file(kind, selected, Stamp(register_id, str(position), scope.title), config())


def _offer(
    kind: Kind, scope: Scope, selected: Selection, position: Position, asked: QueryDict
) -> Offer:
    query = {key: asked[key] for key in ("class", "student", "lesson") if asked.get(key)}
    query |= {"from": str(scope.span.first), "to": str(scope.span.last)}
    query |= {"position": str(position)}
    address = f"{reverse('export', kwargs={'kind': kind.value})}?{urlencode(query)}"
    if kind is Kind.MOODLE and not scope.lesson:
        return Offer(kind, FILES[kind], address, problem=_("Choose one lesson below."))
    if kind is Kind.CANVAS and len(scope.classes) != 1:
        return Offer(kind, FILES[kind], address, problem=_("Choose one class."))
    if kind not in FOR_OTHER_SYSTEMS:
        return Offer(kind, FILES[kind], address)
    made = _make(kind, scope, selected, position)
    names = told_apart({one.student_id: one.name for one in selected.lines})
    return Offer(kind, FILES[kind], address, _omissions(made.left_out, names))


def _omissions(left_out: Iterable[LeftOut], names: Mapping[str, str]) -> tuple[Omission, ...]:
    by_reason: dict[Why, list[tuple[str, Line]]] = {}
    for one in left_out:
        name = names[one.line.student_id]
        by_reason.setdefault(one.reason, []).append((name, one.line))
    return tuple(
        Omission(LEFT_OUT[reason], len(some), tuple(some[:_NAMES]))
        for reason, some in sorted(by_reason.items())
    )


urlpatterns = [
    path("exports", exports, name="exports"),
    path("exports/<str:kind>", download, name="export"),
]
