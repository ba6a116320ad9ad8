"""Sign in by a link that the server made: for the demonstration."""

import secrets
from typing import Final

from django.contrib.auth import login
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from kiosk.register.models import Account
from kiosk.register.web.errors import error_page

_SALT: Final = "sign-in link"
_KEY: Final = secrets.token_urlsafe(48)
"""Of this process alone. With the register's secret, whoever reads a backup of the database could
make links for every account."""
_MAX_AGE_S: Final = 600


def sign_in_address(account: Account, page: str) -> str:
    """Return an address of this site that signs an account in and goes on to a page.

    It is valid for ten minutes, in this process; whoever has it is that account.
    """
    token = signing.dumps({"account": account.pk, "page": page}, key=_KEY, salt=_SALT)
    return f"{reverse('sign-in-link')}?{urlencode({'token': token})}"


def sign_in_link(request: HttpRequest) -> HttpResponse:
    """Sign in and go to the page that the link names."""
    try:
        token = request.GET.get("token", "")
        facts = signing.loads(token, key=_KEY, salt=_SALT, max_age=_MAX_AGE_S)
    except signing.BadSignature:
        message = _("This link is no longer valid. Ask for a new one.")
        return error_page(request, _("Not allowed"), message, status=403)
    account = get_object_or_404(Account, pk=facts["account"], is_active=True)
    login(request, account, "django.contrib.auth.backends.ModelBackend")
    return redirect(facts["page"])


urlpatterns = [path("sign-in-link", sign_in_link, name="sign-in-link")]
