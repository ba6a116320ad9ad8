"""Terms: add one, change it, delete it while nothing is in it."""

from datetime import date
from enum import StrEnum

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from kiosk.register.models import Lesson, Term

TITLE_MAX = 60


class TermProblem(StrEnum):
    """Why a term is not stored, or not deleted."""

    TITLE = "title"
    DAYS = "days"
    TAKEN = "taken"
    IN_USE = "in use"
    GONE = "gone"


def terms() -> QuerySet[Term]:
    """Return all terms by their begin, each with ``is_used``: lessons are in it."""
    lessons = Lesson.objects.filter(date__gte=OuterRef("begin"), date__lte=OuterRef("end"))
    return Term.objects.annotate(is_used=Exists(lessons)).order_by("begin", "title")


@transaction.atomic
def save_term(before: str, title: str, begin: date | None, end: date | None) -> TermProblem | None:
    """Store a term; return what is wrong with it, ``None`` if it is stored.

    Args:
        before: Its title until now; "" for a new one.
        title: Its title.
        begin: Its first day; ``None`` for what is no day.
        end: Its last day; ``None`` for what is no day.
    """
    if not title or len(title) > TITLE_MAX:
        return TermProblem.TITLE
    if begin is None or end is None or end < begin:
        return TermProblem.DAYS
    if title != before and Term.objects.filter(pk=title).exists():
        return TermProblem.TAKEN
    if before and not Term.objects.select_for_update().filter(pk=before).exists():
        return TermProblem.GONE
    Term.objects.update_or_create(title=title, defaults={"begin": begin, "end": end})
    if before not in {"", title}:
        Term.objects.filter(pk=before).delete()
    return None


@transaction.atomic
def delete_term(title: str) -> TermProblem | None:
    """Delete a term that no lesson is in; return why not, ``None`` if it is deleted."""
    found = terms().filter(pk=title).first()
    if found is None:
        return TermProblem.GONE
    if getattr(found, "is_used", True):
        return TermProblem.IN_USE
    found.delete()
    return None
