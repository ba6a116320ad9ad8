"""Sign in by a link that the server made: for the demonstration."""

from django.contrib.auth import login
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from kiosk.register.models import Account
from kiosk.register.web.errors import error_page

_SALT = "sign-in link"
_MAX_AGE_S = 600


def sign_in_address(account: Account, page: str) -> str:
    """Return an address of this site that signs an account in and goes on to a page.

    It is valid for ten minutes; whoever has it is that account.
    """
    token = signing.dumps({"account": account.pk, "page": page}, salt=_SALT)
    return f"{reverse('sign-in-link')}?{urlencode({'token': token})}"


def sign_in_link(request: HttpRequest) -> HttpResponse:
    """Sign in and go to the page that the link names."""
    try:
        facts = signing.loads(request.GET.get("token", ""), salt=_SALT, max_age=_MAX_AGE_S)
    except signing.BadSignature:
        message = _("This link is no longer valid. Ask for a new one.")
        return error_page(request, _("Not allowed"), message, status=403)
    account = get_object_or_404(Account, pk=facts["account"], is_active=True)
    login(request, account, "django.contrib.auth.backends.ModelBackend")
    return redirect(facts["page"])


urlpatterns = [path("sign-in-link", sign_in_link, name="sign-in-link")]
