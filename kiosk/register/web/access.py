"""Who may see and do what. Every view begins with :func:`page`; a test asks for each of them."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Concatenate, Final, ParamSpec
from urllib.parse import urlsplit, urlunsplit

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

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
        @wraps(view)
        def checked(request: SignedIn, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not request.user.is_authenticated:
                return _ask_to_sign_in(request)
            if request.user.role not in roles:
                raise PermissionDenied
            return view(request, *args, **kwargs)

        checked.roles = roles  # type: ignore[attr-defined] # for the test of every view's access
        return checked

    return decorate


def _ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Send a visitor to the form for name and password, and from there back to the page."""
    back_to = request.get_full_path()
    if request.method == "POST":
        # Nobody can look at the address of a form; the page with the form can be shown again.
        back_to = _sender(request)
        text = _("You were signed out, so nothing was stored. Sign in, and send it again.")
        messages.warning(request, text)
    answer = redirect_to_login(back_to)
    if request.headers.get("HX-Request"):
        # A redirect would bring the form into the page, as if it were a part of it.
        return HttpResponse(status=401, headers={"HX-Redirect": answer.url})
    return answer


def _sender(request: HttpRequest) -> str:
    """Return the address of the page whose form was sent; the start page if it is not known."""
    page_of_form = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(page_of_form, {request.get_host()}):
        return "/"
    address = urlsplit(page_of_form)
    return urlunsplit(("", "", address.path or "/", address.query, ""))


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
