"""Sign in and out."""

from typing import Any

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from kiosk.register.models import Account
from kiosk.register.web.application import config


class SignIn(LoginView):
    """The form for name and password."""

    template_name = "sign_in.html"
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401 - as Django has it
        """Say whether anybody can sign in."""
        return super().get_context_data(
            has_accounts=Account.objects.exists(), services=config().oidc, **kwargs
        )


urlpatterns = [
    path("sign-in", SignIn.as_view(), name="sign-in"),
    path("sign-out", LogoutView.as_view(), name="sign-out"),
]
