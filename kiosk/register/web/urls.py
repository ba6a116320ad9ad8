"""The addresses of all pages; each page brings its own."""

from itertools import chain

from django.urls import URLPattern

from kiosk.register.web import live
from kiosk.register.web.api import views as api
from kiosk.register.web.pages import (
    class_days,
    class_now,
    classes,
    now,
    programs,
    sign_in,
    sign_in_link,
    start,
    student,
)

PAGES = (start, sign_in, sign_in_link, now, class_now, classes, class_days, student, programs)

urlpatterns: list[URLPattern] = [
    *live.urlpatterns,
    *api.urlpatterns,
    *chain.from_iterable(page.urlpatterns for page in PAGES),
]
handler403 = "kiosk.register.web.errors.forbidden"
handler404 = "kiosk.register.web.errors.not_found"
