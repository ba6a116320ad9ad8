"""What the pages say of erasures at the kiosks, and of a kiosk's signature."""

from typing import Final

from django import template
from django.utils.translation import gettext_lazy as _

register = template.Library()

OBSTACLES: Final = {
    "silent": _("it has never reported to this register"),
    "untrusted": _("its key is not trusted here: kiosk register kiosks --trust"),
    "old": _("its software is too old for orders"),
    "no key": _("it does not know this register's key: kiosk register key"),
    "other key": _("it knows another register's key: kiosk register key"),
}
WHYS: Final = {
    "locked": _("another program uses it"),
    "disk full": _("the disk is full"),
    "read-only": _("the disk cannot be written"),
    "not permitted": _("the kiosk may not write it"),
    "damaged": _("it cannot be read; delete it or restore it"),
    "old gallery in use": _("the kiosk did not read its new gallery yet"),
    "enrolled again": _(
        "the face was enrolled there again later; erase it by hand, or record a consent"
    ),
    "not sealed for this key": _("the kiosk has a new key; it gets a new order"),
    "failed": _("see the kiosk's log"),
}
SIGNATURES: Final = {
    "": _("not known"),
    "unsigned": _("not signed"),
    "own": _("signed; the key is not trusted yet"),
    "signed": _("signed, and the key is trusted"),
    "mismatch": _("signed, and does not match"),
}


@register.filter
def obstacle(code: str) -> object:
    """Say why a kiosk takes no order."""
    return OBSTACLES.get(code, code)


@register.filter
def why(code: str) -> object:
    """Say why something was not erased."""
    return WHYS.get(code, code)


@register.filter
def signature(code: str) -> object:
    """Say whether a report is signed."""
    return SIGNATURES.get(code, code)
