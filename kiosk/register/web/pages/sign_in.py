"""Sign in and out."""

from typing import Any

from django.contrib.auth.views import LoginView, LogoutView
from django.forms import Form
from django.http import HttpResponse
from django.urls import path
from django.utils import timezone

from kiosk.register.models import Account
from kiosk.register.web.middleware import SIGNED_IN_AT


class SignIn(LoginView):
    """The form for name and password."""

    template_name = "sign_in.html"
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401 - as Django has it
        """Say whether anybody can sign in."""
        return super().get_context_data(has_accounts=Account.objects.exists(), **kwargs)

    def form_valid(self, form: Form) -> HttpResponse:
        """Note when the session begins."""
        response = super().form_valid(form)  # type: ignore[arg-type] # it is an AuthenticationForm
        self.request.session[SIGNED_IN_AT] = timezone.now().isoformat()
        return response


urlpatterns = [
    path("sign-in", SignIn.as_view(), name="sign-in"),
    path("sign-out", LogoutView.as_view(), name="sign-out"),
]
