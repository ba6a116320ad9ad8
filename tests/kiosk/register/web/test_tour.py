"""The tour has every page."""

from django.urls import Resolver404, resolve, reverse

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


def _name(path: str) -> str:
    try:
        return str(resolve(path.partition("?")[0]).url_name)
    except Resolver404:
        return ""
