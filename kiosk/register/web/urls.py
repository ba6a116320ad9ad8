"""The addresses of all pages; each page brings its own."""

from itertools import chain

from django.urls import URLPattern

from kiosk.register.web import live
from kiosk.register.web.api import views as api
from kiosk.register.web.pages import (
    accounts,
    bin_page,
    bin_person,
    cards,
    class_days,
    class_now,
    classes,
    consent,
    exports,
    guests,
    imports,
    invitation,
    kiosks,
    mark_details,
    mend,
    my_account,
    now,
    oidc,
    programs,
    registers,
    set_up,
    sign_in,
    sign_in_link,
    start,
    student,
    terms,
    undo,
)

PAGES = (
    start,
    sign_in,
    sign_in_link,
    now,
    class_now,
    classes,
    class_days,
    exports,
    student,
    programs,
    mend,
    undo,
    guests,
    mark_details,
    registers,
    accounts,
    invitation,
    my_account,
    bin_page,
    bin_person,
    cards,
    consent,
    kiosks,
    imports,
    terms,
    set_up,
    oidc,
)

urlpatterns: list[URLPattern] = [
    *live.urlpatterns,
    *api.urlpatterns,
    *chain.from_iterable(page.urlpatterns for page in PAGES),
]
handler403 = "kiosk.register.web.errors.forbidden"
handler404 = "kiosk.register.web.errors.not_found"
handler500 = "kiosk.register.web.errors.failed"
