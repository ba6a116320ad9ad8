"""Sign in at a service of the school, and connect an account with it."""

from django.contrib import messages
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from kiosk.register.accounts import manage, oidc
from kiosk.register.config import OidcSection
from kiosk.register.models import Account
from kiosk.register.web.application import config
from kiosk.register.web.errors import error_page

_INVITATION = "oidc-invitation"
"""Key in the session: the token of the invitation that is to be used."""


def begin(request: HttpRequest, *, name: str) -> HttpResponse:
    """Send the person to the service."""
    section = _section(name)
    request.session[_INVITATION] = request.GET.get("invitation", "")
    there = reverse("oidc-callback", kwargs={"name": name})
    url = config().pages.url.rstrip("/")
    back = url + there if url else request.build_absolute_uri(there)
    message = _("%(title)s cannot be reached now. Try again, or sign in with your password.")
    answer = oidc.send_there(section, request, back)
    return answer or _refused(request, message % {"title": section.title})


def callback(request: HttpRequest, *, name: str) -> HttpResponse:
    """Sign in, or connect the account of the invitation or of the session."""
    section = _section(name)
    token = request.session.pop(_INVITATION, "")
    identity = oidc.identify(section, request)
    if identity is None:
        message = _("%(title)s does not confirm that you belong to this school. Try again.")
        return _refused(request, message % {"title": section.title})
    if token:
        return _accept(request, token, identity)
    if request.user.is_authenticated:
        return _connect(request, request.user, identity)
    account = oidc.account_of(identity)
    if account is None:
        message = _(
            "No account is connected with it. Open your invitation, or sign in with your password "
            'and connect it on "My account".'
        )
        return _refused(request, message)
    return _sign_in(request, account)


def _accept(request: HttpRequest, token: str, identity: oidc.Identity) -> HttpResponse:
    now = timezone.now()
    invitation = manage.find_invitation(token, now)
    if invitation is None or not oidc.accept(invitation, identity, now):
        message = _("The invitation was used already, or another account is connected with it.")
        return _refused(request, message)
    return _sign_in(request, invitation.account)


def _connect(request: HttpRequest, account: Account, identity: oidc.Identity) -> HttpResponse:
    if not oidc.connect(account, identity):
        return _refused(request, _("Another account is connected with it."))
    messages.success(request, _("Connected. You can sign in with it from now on."))
    return redirect("my-account")


def _sign_in(request: HttpRequest, account: Account) -> HttpResponse:
    login(request, account, "django.contrib.auth.backends.ModelBackend")
    return redirect("start")


def _refused(request: HttpRequest, message: str) -> HttpResponse:
    return error_page(request, _("Not signed in"), message, status=403)


def _section(name: str) -> OidcSection:
    found = next((one for one in config().oidc if one.name == name), None)
    if found is None:
        raise Http404
    return found


urlpatterns = [
    path("oidc/<str:name>", begin, name="oidc"),
    path("oidc/<str:name>/callback", callback, name="oidc-callback"),
]
