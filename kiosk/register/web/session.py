"""When a session began, so that "sign out everywhere" ends those that began before."""

from datetime import datetime
from typing import Any, Final

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils import timezone

_BEGAN: Final = "signed-in-at"
"""Key in the session: when it began, ISO 8601."""


def note_begin(*, request: HttpRequest, **_others: Any) -> None:  # noqa: ANN401 - of Django's signal
    """Note the time in the session of somebody who has just signed in."""
    request.session[_BEGAN] = timezone.now().isoformat()


def began_at(session: SessionBase) -> datetime | None:
    """Return when a session began; ``None`` if nobody has signed in in it."""
    began = session.get(_BEGAN)
    return datetime.fromisoformat(began) if began is not None else None
