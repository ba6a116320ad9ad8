"""Cards: issue, replace, revoke, and print students' cards with a QR code."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import content_disposition_header, urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from kiosk.protocol.cards import REVOKED_MAX
from kiosk.register.alphabet import told_apart
from kiosk.register.models import Card, Person, SchoolClass
from kiosk.register.office import cards as office
from kiosk.register.office.card_fonts import installed, not_written
from kiosk.register.office.card_sheet import PrintedCard, card_sheet
from kiosk.register.overview.members import members_on
from kiosk.register.web.access import MARKERS, STAFF, SignedIn, in_order, page, visible_classes
from kiosk.register.web.application import config
from kiosk.register.web.spans import day_of


@dataclass(frozen=True, slots=True)
class Row:
    """A student, the name in the list, and the card that counts; ``None`` without one."""

    person: Person
    name: str
    card: Card | None


@page(*MARKERS)
def cards(request: SignedIn) -> HttpResponse:
    """Show the students of a class with their cards."""
    classes = in_order(visible_classes(request.user))
    chosen = next((one for one in classes if one.pk == request.GET.get("class")), None)
    today = timezone.localdate()
    people = members_on(chosen.pk, today) if chosen else []
    valid, names = office.valid_cards(people, today), _names(people)
    facts = {
        "classes": classes,
        "chosen": chosen,
        "rows": [Row(one, names[one.pk], valid.get(one.pk)) for one in people],
        "is_staff": request.user.role in STAFF,
        "expires_on": office.school_year_end(today, config().exports.school_year_begins),
        "too_many": max(0, office.revoked_count(today) - REVOKED_MAX),
        "today": today,
        "not_written": not_written([one.name for one in people], installed()),
    }
    return render(request, "cards.html", facts)


@page(*STAFF)
@require_POST
def change(request: SignedIn) -> HttpResponse:
    """Issue, replace or revoke the cards of the chosen students."""
    school_class, people = _chosen(request)
    back = redirect(f"{reverse('cards')}?{urlencode({'class': school_class.pk})}")
    now, action = timezone.now(), request.POST.get("do")
    if action == "issue":
        _issue(request, school_class, people or _class(school_class), is_replacing=False)
    elif not people:
        messages.error(request, _("Choose at least one student."))
    elif action == "revoke":
        count = office.revoke(people, account=request.user, now=now)
        text = ngettext("%(count)d card revoked.", "%(count)d cards revoked.", count)
        messages.success(request, text % {"count": count})
    elif action == "replace":
        _issue(request, school_class, people, is_replacing=True)
    return back


def _issue(
    request: SignedIn, school_class: SchoolClass, people: list[Person], *, is_replacing: bool
) -> None:
    today = timezone.localdate()
    expires_on = day_of(request.POST.get("expires", ""))
    if expires_on is None or not today <= expires_on <= today.replace(year=today.year + 10, day=1):
        messages.error(request, _("Choose a last day within the next ten years."))
        return
    done = office.issue(
        people,
        expires_on,
        account=request.user,
        now=timezone.now(),
        today=today,
        is_replacing=is_replacing,
    )
    text = ngettext("%(count)d card issued.", "%(count)d cards issued.", done.made)
    messages.success(request, text % {"count": done.made})
    if done.kept:
        text = ngettext(
            "%(count)d student has a card and keeps it.",
            "%(count)d students have a card and keep it.",
            done.kept,
        )
        messages.warning(request, text % {"count": done.kept})
    if done.too_long:
        called = _names(_class(school_class))
        names = ", ".join(called[one.pk] for one in done.too_long)
        text = _("These ids are too long for a card, and got none: %(names)s.")
        messages.error(request, text % {"names": names})


@page(*STAFF)
@require_POST
def sheet(request: SignedIn) -> HttpResponse:
    """Give the cards of the chosen students as a PDF."""
    school_class, chosen = _chosen(request)
    members = _class(school_class)
    people, names = chosen or members, _names(members)
    valid = office.valid_cards(people, timezone.localdate())
    printed = [
        PrintedCard(
            name=names[one.pk],
            group=school_class.title,
            card_id=valid[one.subject_id].card_id,
            expires=_("until %(day)s")
            % {"day": date_format(valid[one.subject_id].expires_on, "SHORT_DATE_FORMAT")},
            text=office.card_text(valid[one.subject_id]),
        )
        for one in people
        if one.subject_id in valid
    ]
    if not printed:
        messages.error(request, _("None of these students has a card: issue cards first."))
        return redirect(f"{reverse('cards')}?{urlencode({'class': school_class.pk})}")
    paper = request.POST.get("paper")
    content = card_sheet(printed, "letter" if paper == "letter" else "a4", installed())
    disposition = content_disposition_header(True, f"cards-{school_class.pk}.pdf")
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={"Content-Disposition": disposition, "Cache-Control": "no-store"},
    )


def _chosen(request: SignedIn) -> tuple[SchoolClass, list[Person]]:
    """Return the class of the form, and the chosen students who are in it today."""
    school_class = get_object_or_404(
        visible_classes(request.user), pk=request.POST.get("class", "")
    )
    wanted = set(request.POST.getlist("student"))
    return school_class, [one for one in _class(school_class) if one.subject_id in wanted]


def _class(school_class: SchoolClass) -> list[Person]:
    return members_on(school_class.pk, timezone.localdate())


def _names(people: Iterable[Person]) -> dict[str, str]:
    return told_apart({one.pk: one.name for one in people})


urlpatterns = [
    path("cards", cards, name="cards"),
    path("cards/change", change, name="cards-change"),
    path("cards/sheet", sheet, name="cards-sheet"),
]
