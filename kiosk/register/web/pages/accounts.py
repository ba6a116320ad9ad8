"""Accounts: an administrator invites people, and says what each may do."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.http import require_POST

from kiosk.register.accounts import manage
from kiosk.register.models import Account, Role, SchoolClass
from kiosk.register.web.access import SignedIn, in_order, page
from kiosk.register.web.application import config
from kiosk.register.web.tags import titled

ROLES = {
    Role.ADMINISTRATOR: pgettext_lazy("role", "administrator"),
    Role.OFFICE: pgettext_lazy("role", "office"),
    Role.TEACHER: pgettext_lazy("role", "teacher"),
    Role.TECHNICIAN: pgettext_lazy("role", "technician"),
}


class RightsForm(forms.Form):
    """What an account may do."""

    role = forms.ChoiceField(
        label=gettext_lazy("Role"), choices=list(ROLES.items()), initial=Role.TEACHER
    )
    classes = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Classes that a teacher has"),
        queryset=SchoolClass.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - those of Django's form
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        field = self.fields["classes"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.choices = [
            (one.pk, title) for one, title in titled(in_order(SchoolClass.objects.all()))
        ]
        if not field.choices:
            field.help_text = _("There is no class yet: import the list of students.")


class InviteForm(RightsForm):
    """A new account."""

    field_order = ("username", "name", "email", "role", "classes")
    username = forms.CharField(
        label=gettext_lazy("User name"), max_length=150, validators=[Account.username_validator]
    )
    name = forms.CharField(label=gettext_lazy("Full name"), max_length=150, required=False)
    email = forms.EmailField(label=gettext_lazy("E-mail address"), max_length=254, required=False)

    def clean_username(self) -> str:
        """Refuse a name that is taken."""
        name: str = self.cleaned_data["username"]
        if manage.find_account(name) is not None:
            raise ValidationError(_("There is an account of this name."))
        return name


@page(Role.ADMINISTRATOR)
def accounts(request: SignedIn) -> HttpResponse:
    """Show all accounts, and invite another person."""
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        token = manage.invite(
            data["username"],
            Role(data["role"]),
            email=data["email"],
            classes=data["classes"],
            made_by=request.user,
            now=timezone.now(),
        )
        Account.objects.filter(username=data["username"]).update(first_name=data["name"])
        return _show_link(request, data["username"], token)
    found = Account.objects.order_by("username").prefetch_related("teaching__school_class")
    rows = [(one, ROLES[Role(one.role)]) for one in found]
    return render(request, "accounts.html", {"rows": rows, "form": form})


@page(Role.ADMINISTRATOR)
def account(request: SignedIn, *, number: int) -> HttpResponse:
    """Show an account, and set its role and classes."""
    one = get_object_or_404(Account, pk=number)
    taught = SchoolClass.objects.filter(teaching__account=one)
    form = RightsForm(request.POST or None, initial={"role": one.role, "classes": taught})
    if request.method == "POST" and form.is_valid():
        role = Role(form.cleaned_data["role"])
        if role != Role.ADMINISTRATOR and manage.is_last_administrator(one):
            form.add_error("role", _("The last administrator stays. Invite another one first."))
        else:
            manage.change(one, role, form.cleaned_data["classes"], timezone.now())
            messages.success(request, _("Saved."))
            if role != Role.ADMINISTRATOR:
                _warn_of_tokens(request, one)
            return redirect("account", number=number)
    context = {"account": one, "form": form, "is_locked_in": manage.is_last_administrator(one)}
    return render(request, "account.html", context)


@page(Role.ADMINISTRATOR)
@require_POST
def new_link(request: SignedIn, *, number: int) -> HttpResponse:
    """Show a new link to choose a password, once."""
    one = get_object_or_404(Account, pk=number, is_active=True)
    token = manage.new_link(one, made_by=request.user, now=timezone.now())
    return _show_link(request, one.username, token)


@page(Role.ADMINISTRATOR)
@require_POST
def sign_out(request: SignedIn, *, number: int) -> HttpResponse:
    """End every session of an account."""
    manage.sign_out(get_object_or_404(Account, pk=number), timezone.now())
    messages.success(request, _("The account is signed out everywhere."))
    return redirect("account", number=number)


@page(Role.ADMINISTRATOR)
@require_POST
def disable(request: SignedIn, *, number: int) -> HttpResponse:
    """Disable an account, or enable it again."""
    one = get_object_or_404(Account, pk=number)
    if not one.is_active:
        manage.enable(one)
        messages.success(request, _("The account may sign in again."))
    elif manage.is_last_administrator(one):
        messages.error(request, _("The last administrator stays. Invite another one first."))
    else:
        manage.disable(one, timezone.now())
        messages.success(request, _("The account is disabled."))
        _warn_of_tokens(request, one)
    return redirect("account", number=number)


def _warn_of_tokens(request: SignedIn, account: Account) -> None:
    """Say that programs still read with tokens of somebody who may no longer make one."""
    if count := manage.working_tokens(account):
        text = ngettext(
            "%(n)d token that this account made still works. See the page Programs.",
            "%(n)d tokens that this account made still work. See the page Programs.",
            count,
        )
        messages.warning(request, text % {"n": count})


def _show_link(request: SignedIn, username: str, token: str) -> HttpResponse:
    there = reverse("invitation", kwargs={"token": token})
    link = config().pages.url.rstrip("/") + there if config().pages.url else ""
    context = {
        "username": username,
        "link": link or request.build_absolute_uri(there),
        "days": manage.VALID.days,
    }
    return render(request, "account_link.html", context)


urlpatterns = [
    path("accounts", accounts, name="accounts"),
    path("accounts/<int:number>", account, name="account"),
    path("accounts/<int:number>/link", new_link, name="account-link"),
    path("accounts/<int:number>/sign-out", sign_out, name="account-sign-out"),
    path("accounts/<int:number>/disable", disable, name="account-disable"),
]
