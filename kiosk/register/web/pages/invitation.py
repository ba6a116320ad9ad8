"""An invited person chooses a password."""

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.password_validation import password_validators_help_texts
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from kiosk.register.accounts import manage
from kiosk.register.web.errors import error_page


@sensitive_post_parameters()
def invitation(request: HttpRequest, *, token: str) -> HttpResponse:
    """Set the password of the invited account, once."""
    now = timezone.now()
    found = manage.find_invitation(token, now)
    if found is None:
        return _gone(request)
    form = SetPasswordForm(found.account, request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not manage.accept(found, form.cleaned_data["new_password1"], now):
            return _gone(request)
        logout(request)
        messages.success(request, _("The password is set. You can sign in now."))
        return redirect("sign-in")
    rules = password_validators_help_texts()
    context = {"form": form, "account": found.account, "rules": rules}
    return render(request, "invitation.html", context)


def _gone(request: HttpRequest) -> HttpResponse:
    message = _(
        "This link was used already, or is too old. Ask an administrator of your school for a "
        "new one."
    )
    return error_page(request, _("The link no longer works"), message, status=410)


urlpatterns = [path("invitation/<str:token>", invitation, name="invitation")]
