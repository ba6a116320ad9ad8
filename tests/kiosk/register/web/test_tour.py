"""The tour has every page."""

from django.test import Client
from django.urls import Resolver404, resolve, reverse

from kiosk.register.models import Account, Consent, Lesson, MarkChange, Person, SchoolClass, Term
from kiosk.register.web.urls import urlpatterns
from tests.kiosk.register.web.browser.tour import LESSON, NO_PAGES, STOPS, furnish
from tests.kiosk.register.web.support import School, client_of

FOR_PROGRAMS = "api-"
ARGUMENTS = {
    "lesson_id": LESSON,
    "subject_id": "s-1",
    "class_id": "7b",
    "number": 1,
    "change": 1,
    "consent": 1,
    "token_hash": "0",
    "site": "school",
    "room": "room-1",
    "kiosk": "kiosk-1",
}


def test_every_page_is_a_stop(school: School) -> None:
    """What can be opened by GET is checked, or named as an exception; all else takes forms only."""
    places = furnish(school)
    seen = {_name(path.format(**places)) for _account, path in STOPS}
    client = client_of("ada")
    for pattern in urlpatterns:
        name = str(pattern.name)
        if name in seen or name in NO_PAGES or name.startswith(FOR_PROGRAMS):
            continue
        arguments = {key: ARGUMENTS[key] for key in pattern.pattern.converters}
        assert client.get(reverse(name, kwargs=arguments)).status_code == 405, name


def test_no_page_takes_a_name_for_html(school: School) -> None:
    """Names, titles and reasons come from files and people; each is written as a text."""
    places = furnish(school)
    hostile = "<i>\"'&{{ 1 }}"
    Person.objects.update(name=hostile)
    SchoolClass.objects.update(title=hostile)
    Lesson.objects.update(title=hostile, room=hostile)
    Account.objects.update(first_name=hostile)
    MarkChange.objects.update(reason=hostile)
    Consent.objects.update(given_by=hostile, text_id=hostile)
    Term.objects.update(title=hostile)
    written = 0
    for account, path in STOPS:
        client = client_of(account) if account else Client()
        html = client.get(path.format(**places)).content.decode()
        assert "<i>" not in html, path
        written += "&lt;i&gt;" in html
    assert written > 15


def _name(path: str) -> str:
    try:
        return str(resolve(path.partition("?")[0]).url_name)
    except Resolver404:
        return ""
