"""What the pages of the bin say after something was processed again."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import ngettext


def report_placed(request: HttpRequest, placed: int, remaining: int) -> None:
    """Say how much left the bin, and how much stays."""
    text = ngettext("%(count)d left the bin.", "%(count)d left the bin.", placed)
    messages.success(request, text % {"count": placed})
    if remaining:
        text = ngettext("%(count)d stays in the bin.", "%(count)d stay in the bin.", remaining)
        messages.warning(request, text % {"count": remaining})
