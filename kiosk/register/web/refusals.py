"""Why a change of marks was not made, in words."""

from django.utils import timezone
from django.utils.translation import gettext as _

from kiosk.register.rules.correction import REASON_MAX, Denial, Refused, Role
from kiosk.register.web.tags import clock_time
from kiosk.register.web.words import DENIALS


def denial_text(refused: Refused, role: str) -> str:
    """Return why a change was not made, and what an account of this role can do."""
    if refused.denial is Denial.WINDOW and refused.until is not None:
        text = _("The time to correct this lesson ended at %(time)s. Ask the office.")
        if role == Role.OFFICE:
            text = _("The time to correct this lesson ended at %(time)s. Ask an administrator.")
        return text % {"time": clock_time(refused.until, timezone.now())}
    return str(DENIALS[refused.denial]) % {"count": REASON_MAX}


def stale_text() -> str:
    """Return what to do after somebody else was faster."""
    return _(
        "Somebody else has changed a mark meanwhile, so nothing was stored. The page shows what "
        "stands now: look at the marked rows, and send again."
    )
