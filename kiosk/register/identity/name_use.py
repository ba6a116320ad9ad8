"""Whether two kiosks use one name; pure.

A kiosk says in each health message which outbox it has and which boot it is. A kiosk that is
restarted, or gets a new outbox, goes on under the new identity and never comes back to the old
one. So an identity that comes back proves that two kiosks speak in turn.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from kiosk.register.messages.arrival import Voice

WITHIN: Final = timedelta(hours=1)
"""An identity comes back within this time: kiosks that displace each other wait 15 minutes at most.
For as long after the last such change the kiosks count as two."""


@dataclass(frozen=True, slots=True)
class NameUse:
    """Who has used a name lately.

    Attributes:
        now: Who spoke last.
        before: Who spoke before.
        shared_at: When one of the two came back last.
    """

    now: Voice | None = None
    before: Voice | None = None
    shared_at: datetime | None = None

    def is_shared(self, at: datetime) -> bool:
        """Return whether two kiosks use the name at this time."""
        return self.shared_at is not None and at - self.shared_at <= WITHIN


def hear(use: NameUse, voice: Voice) -> NameUse:
    """Return who uses the name after another message.

    A message that is not newer than the newest one of its voice is a repeat: the broker has sent
    it again, or another instance of the register was faster.
    """
    known = next((one for one in (use.now, use.before) if _is_same(one, voice)), None)
    if known is not None and voice.said_at <= known.said_at:
        return use
    if known is use.now:
        return replace(use, now=voice) if known is not None else NameUse(voice)
    if known is not None and voice.heard_at - known.heard_at <= WITHIN:
        return NameUse(voice, use.now, voice.heard_at)
    return NameUse(voice, use.now, use.shared_at)


def _is_same(one: Voice | None, other: Voice) -> bool:
    return one is not None and one.identity == other.identity
