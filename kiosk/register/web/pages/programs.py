"""Tokens for programs that read the API: make, see when they were used, revoke."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from kiosk.register.models import ApiToken, Role
from kiosk.register.web import words
from kiosk.register.web.access import SignedIn, page
from kiosk.register.web.api.tokens import SCOPES, make_token


class TokenForm(forms.Form):
    """A new token."""

    title = forms.CharField(label=gettext_lazy("What is it for?"), max_length=100)
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("What may it read?"),
        choices=[(one, words.SCOPES[one]) for one in SCOPES],
        widget=forms.CheckboxSelectMultiple,
    )


@page(Role.ADMINISTRATOR)
def programs(request: SignedIn) -> HttpResponse:
    """Show the tokens; make one and show it this once."""
    form = TokenForm(request.POST or None)
    token = ""
    if request.method == "POST" and form.is_valid():
        scopes = [one for one in SCOPES if one in form.cleaned_data["scopes"]]
        token = make_token(form.cleaned_data["title"], scopes, request.user, timezone.now())
        form = TokenForm()
    tokens = ApiToken.objects.select_related("made_by").order_by("revoked_at", "-made_at")
    rows = [(one, [words.SCOPES[scope] for scope in one.scopes.split()]) for one in tokens]
    return render(request, "programs.html", {"form": form, "token": token, "rows": rows})


@page(Role.ADMINISTRATOR)
@require_POST
def revoke(request: SignedIn, *, token_hash: str) -> HttpResponse:
    """Make a token worthless."""
    found = ApiToken.objects.filter(pk=token_hash, revoked_at=None)
    if found.update(revoked_at=timezone.now()):
        messages.success(request, _("The token is revoked."))
    return redirect("programs")


urlpatterns = [
    path("programs", programs, name="programs"),
    path("programs/<str:token_hash>/revoke", revoke, name="revoke-token"),
]
