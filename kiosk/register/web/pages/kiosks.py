"""Kiosks: which of them are well, and what is wrong with the others."""

from dataclasses import dataclass

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from kiosk.protocol.topics import KioskAddress
from kiosk.register.ingest.heartbeat import away_since
from kiosk.register.ingest.ranges import count
from kiosk.register.models import Blind, Kiosk, KioskAlert, Role
from kiosk.register.office.kiosk_view import KioskView, admit, load_kiosk, load_kiosks, set_service
from kiosk.register.office.rooms import (
    give_room,
    room_names,
    rooms_without_kiosk,
    take_room,
)
from kiosk.register.office.trouble import refusals
from kiosk.register.web.access import STAFF, SignedIn, page
from kiosk.register.web.words import ALERTS, CAMERA, REFUSALS, TROUBLES

READERS = (*STAFF, Role.TECHNICIAN)
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert with its words."""

    row: KioskAlert
    title: str | Promise


@page(*READERS)
def kiosks(request: SignedIn) -> HttpResponse:
    """Show all kiosks, or to htmx only the list."""
    away = away_since(timezone.now())
    found = load_kiosks(away or timezone.now())
    retired = [one for one in found if one.retired_at is not None]
    found = [one for one in found if one.retired_at is None]
    context = {
        "away": away,
        "kiosks": [(one, _titles(one)) for one in found],
        "retired": retired,
        "total": len(found),
        "bad": sum(one.level == "bad" for one in found),
        "warn": sum(one.level == "warn" for one in found),
        "open": _alerts(KioskAlert.objects.filter(end=None)),
        "past": _alerts(KioskAlert.objects.exclude(end=None)),
        "blind": Blind.objects.order_by("-begin")[:SHOWN],
    }
    is_part = bool(request.headers.get("HX-Request"))
    return render(request, "kiosks_list.html" if is_part else "kiosks.html", context)


@page(*READERS)
def kiosk_page(request: SignedIn, *, site: str, room: str, kiosk: str) -> HttpResponse:
    """Show one kiosk with its report, its outbox files and its alerts."""
    one = load_kiosk(KioskAddress(site, room, kiosk), timezone.now())
    if one is None:
        raise Http404
    health = one.health
    context = {
        "kiosk": one,
        "titles": _titles(one),
        "rooms": rooms_without_kiosk(site, timezone.now()),
        "names": [title for title, own in room_names(site).items() if own == room],
        "is_refused": not one.is_listed and Kiosk.objects.filter(is_listed=True).exists(),
        "camera": CAMERA.get(health.camera, health.camera) if health else "",
        "refusals": [
            (*REFUSALS.get(reason, (reason, "")), number, round(share * 100))
            for reason, number, share in (refusals(health) if health else [])
        ],
        "outboxes": [(box, count(box.gone)) for box in one.outboxes if box.outbox is not None],
        "alerts": _alerts(KioskAlert.objects.filter(site=site, room=room, kiosk=kiosk)),
    }
    is_part = bool(request.headers.get("HX-Request"))
    return render(request, "kiosk_facts.html" if is_part else "kiosk.html", context)


@page(*READERS)
@require_POST
def room(request: SignedIn, *, site: str, room: str, kiosk: str) -> HttpResponse:
    """Say which room of the timetable the kiosk stands in, or take that back."""
    address, now = KioskAddress(site, room, kiosk), timezone.now()
    title = request.POST.get("title", "")
    if request.POST.get("do") == "take-back":
        count = take_room(address, title, now)
    elif title in rooms_without_kiosk(site, now) and load_kiosk(address, now) is not None:
        count = give_room(address, title, now)
    else:
        raise Http404
    text = ngettext("%(count)d lesson has moved.", "%(count)d lessons have moved.", count)
    messages.success(request, text % {"count": count})
    return redirect("kiosk", site=site, room=room, kiosk=kiosk)


@page(*READERS)
@require_POST
def service(request: SignedIn, *, site: str, room: str, kiosk: str) -> HttpResponse:
    """Take a kiosk out of service, put it back, or add it to the list of kiosks."""
    address, now = KioskAddress(site, room, kiosk), timezone.now()
    if load_kiosk(address, now) is None:
        raise Http404
    if request.POST.get("do") == "admit":
        admit(address, now)
        messages.success(request, _("The kiosk is in the list: its events are accepted."))
        return redirect("kiosk", site=site, room=room, kiosk=kiosk)
    is_in = request.POST.get("do") == "put-back"
    set_service(address, request.user, now, is_in=is_in)
    text = (
        _("The kiosk is in service again: lessons wait for its events.")
        if is_in
        else _("The kiosk is out of service: lessons that begin from now on do not wait for it.")
    )
    messages.success(request, text)
    return redirect("kiosk", site=site, room=room, kiosk=kiosk)


def _titles(view: KioskView) -> list[str | Promise]:
    return [TROUBLES[one] for one in view.troubles]


def _alerts(rows: QuerySet[KioskAlert]) -> list[Alert]:
    return [Alert(one, ALERTS.get(one.kind, one.kind)) for one in rows.order_by("-begin")[:SHOWN]]


urlpatterns = [
    path("kiosks", kiosks, name="kiosks"),
    path("kiosks/<str:site>/<str:room>/<str:kiosk>", kiosk_page, name="kiosk"),
    path("kiosks/<str:site>/<str:room>/<str:kiosk>/room", room, name="kiosk-room"),
    path("kiosks/<str:site>/<str:room>/<str:kiosk>/service", service, name="kiosk-service"),
]
