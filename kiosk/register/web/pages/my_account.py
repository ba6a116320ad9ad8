"""My account: name, language, password, sessions."""

from django import forms
from django.contrib import messages
from django.contrib.auth import authenticate, logout, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from kiosk.register.accounts import manage
from kiosk.register.models import Account
from kiosk.register.web.access import EVERYBODY, SignedIn, page
from kiosk.register.web.application import config


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg] # Django takes none at run time
    """What everybody may change of the own account."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        required=False,
        choices=[("", gettext_lazy("as the browser asks")), ("en", "English"), ("es", "Español")],
    )

    class Meta:
        """The name is one field: how it is divided differs between countries."""

        model = Account
        fields = ("first_name", "language")
        labels = {"first_name": gettext_lazy("Full name")}  # noqa: RUF012 - Django reads it once


class PasswordForm(PasswordChangeForm):
    """A new password, for who knows the old one."""

    def __init__(self, request: SignedIn, data: object = None) -> None:
        super().__init__(request.user, data)
        self._request = request
        self.fields["old_password"].widget.attrs.pop("autofocus", None)  # another form comes first

    def clean_old_password(self) -> str:
        """Check the old password as at sign-in, where wrong ones are counted."""
        password: str = self.cleaned_data["old_password"]
        name = self.user.get_username()
        if authenticate(self._request, username=name, password=password) != self.user:
            raise ValidationError(_("The old password is wrong."))
        return password


@page(*EVERYBODY)
def my_account(request: SignedIn) -> HttpResponse:
    """Show the account, and save name and language."""
    form = ProfileForm(request.POST or None, instance=request.user, label_suffix="")
    if request.method == "POST" and form.is_valid():
        form.save()
        with translation.override(request.user.language or translation.get_language()):
            messages.success(request, _("Saved."))
        return redirect("my-account")
    return _show(request, form, PasswordForm(request))


@page(*EVERYBODY)
@sensitive_post_parameters()
@require_POST
def password(request: SignedIn) -> HttpResponse:
    """Change the password; every other session ends."""
    form = PasswordForm(request, request.POST)
    if not form.is_valid():
        return _show(request, ProfileForm(instance=request.user, label_suffix=""), form)
    form.save()
    update_session_auth_hash(request, request.user)
    messages.success(request, _("The password is changed. You are signed out everywhere else."))
    return redirect("my-account")


@page(*EVERYBODY)
@require_POST
def sign_out_everywhere(request: SignedIn) -> HttpResponse:
    """End every session of the account, this one too."""
    manage.sign_out(request.user, timezone.now())
    logout(request)
    messages.success(request, _("You are signed out everywhere."))
    return redirect("sign-in")


def _show(request: SignedIn, profile: ProfileForm, form: PasswordForm) -> HttpResponse:
    context = {
        "profile": profile,
        "form": form,
        "account": request.user,
        "services": config().oidc,
        "rules": password_validators_help_texts(),
    }
    return render(request, "my_account.html", context)


urlpatterns = [
    path("my-account", my_account, name="my-account"),
    path("my-account/password", password, name="my-password"),
    path("my-account/sign-out-everywhere", sign_out_everywhere, name="sign-out-everywhere"),
]
