"""Who may see and do what. Every view begins with :func:`page`; a test asks for each of them."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Concatenate, Final, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from kiosk.register.alphabet import sort_key
from kiosk.register.models import Account, Lesson, Role, SchoolClass
from kiosk.register.web.application import config

EVERYBODY: Final = tuple(Role)
STAFF: Final = (Role.ADMINISTRATOR, Role.OFFICE)
"""They see every class."""
MARKERS: Final = (Role.ADMINISTRATOR, Role.OFFICE, Role.TEACHER)
"""They see students and their marks; a technician does not."""
KEEPERS: Final = (Role.ADMINISTRATOR, Role.TECHNICIAN)
"""They keep the kiosks."""


class SignedIn(HttpRequest):
    """A request behind :func:`page`: somebody is signed in."""

    user: Account


P = ParamSpec("P")


def page(
    *roles: Role,
) -> Callable[[Callable[Concatenate[SignedIn, P], HttpResponse]], Callable[..., HttpResponse]]:
    """Let only these roles see a view; others are asked to sign in, or told that they may not."""

    def decorate(
        view: Callable[Concatenate[SignedIn, P], HttpResponse],
    ) -> Callable[..., HttpResponse]:
        @login_required
        @wraps(view)
        def checked(request: SignedIn, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if request.user.role not in roles:
                raise PermissionDenied
            return view(request, *args, **kwargs)

        checked.roles = roles  # type: ignore[attr-defined] # for the test of every view's access
        return checked

    return decorate


def visible_classes(account: Account) -> QuerySet[SchoolClass]:
    """Return the classes that an account may see: all, or own ones (``pages.teachers_see``)."""
    if account.role == Role.TEACHER and config().pages.teachers_see == "all":
        return SchoolClass.objects.all()
    return changeable_classes(account)


def changeable_classes(account: Account) -> QuerySet[SchoolClass]:
    """Return the classes whose marks an account may change: a teacher's own, or all."""
    classes = SchoolClass.objects.all()
    if account.role in STAFF:
        return classes
    if account.role == Role.TEACHER:
        return classes.filter(teaching__account=account)
    return classes.none()


def in_order(classes: Iterable[SchoolClass]) -> list[SchoolClass]:
    """Return classes by title, as a list shows them."""
    return sorted(classes, key=lambda one: (sort_key(one.title), one.pk))


def visible_lesson(account: Account, lesson_id: str) -> Lesson:
    """Return a lesson of a class that the account may see.

    Raises:
        django.http.Http404: There is none: whether it exists is not told.
    """
    lessons = Lesson.objects.select_related("school_class")
    return get_object_or_404(
        lessons, lesson_id=lesson_id, school_class__in=visible_classes(account)
    )


def changeable_lesson(account: Account, lesson_id: str) -> Lesson:
    """Return a lesson whose marks the account may change.

    Raises:
        django.http.Http404: The account may not see it.
        django.core.exceptions.PermissionDenied: It may see, and not change it.
    """
    lesson = visible_lesson(account, lesson_id)
    if not changeable_classes(account).filter(pk=lesson.school_class_id).exists():
        raise PermissionDenied
    return lesson
