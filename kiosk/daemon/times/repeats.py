"""Whether a person was recorded before in a class session, whatever the clock has done since.

What is remembered for it is deleted after a week.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec

from kiosk.config.timetable import ClassSession
from kiosk.daemon.times.steady_clock import SteadyClock
from kiosk.outbox.outbox import Outbox
from kiosk.outbox.rows import DeduplicationKey
from kiosk.protocol.event import ParticipationEvent, PersonEvent

SAME_S: Final = 12 * 3600.0
"""Within one boot and this time, the same name means the same class session."""
KEPT: Final = timedelta(days=7)
"""How long the kiosk remembers who attended which class session."""
EVERY_S: Final = 3600.0
_SETTLED_S: Final = 3600.0
"""Keys of other boots go by their date, and only when the clock has been steady for so long."""

SessionAt = Callable[[datetime], ClassSession]


def is_repeat(
    past: Sequence[DeduplicationKey], key: DeduplicationKey, session_at: SessionAt
) -> bool:
    """Return whether an attendance event must not be stored.

    Within one boot the monotonic clock says how long ago an event was: it is a repeat if the same
    class session was on at that time, by the time that is right now. So a clock that is set makes
    nobody present twice, and nobody is taken for present because of a day of the same name.
    The names of class sessions are compared with those of other boots only if both clocks were
    certain: an event stored twice is better than none.

    Args:
        past: What is remembered of the person.
        key: The event.
        session_at: Returns the class session of a moment.
    """
    return any(_is_of_session(one, key, session_at) for one in past)


def took_part(past: Sequence[DeduplicationKey], key: DeduplicationKey) -> bool:
    """Return whether a participation event repeats another: one for each person and window."""
    return any((one.session, one.window) == (key.session, key.window) for one in past)


def counted(
    event: PersonEvent, past: Sequence[DeduplicationKey], key: DeduplicationKey
) -> PersonEvent:
    """Return a participation event with the person's count in the class session; others as is."""
    if not isinstance(event, ParticipationEvent):
        return event
    count = 1 + sum(one.session == key.session for one in past)
    return msgspec.structs.replace(event, count=count)


@dataclass(slots=True)
class Forgetting:
    """Forgets whom the kiosk need not remember any more: within the hour, not with every event.

    To look for them is to read all that is remembered, which may be thousands of people.

    Attributes:
        done: The hour, and the days that were kept, when it was done last.
    """

    done: tuple[int, tuple[date, date] | None] | None = None

    def turn(self, outbox: Outbox, clock: SteadyClock, today: date) -> None:
        """Delete old keys, if that is due: of this boot by the monotonic clock, which never jumps.

        What other boots left in the future was stored with a clock that was wrong.

        Args:
            outbox: Where they are.
            clock: The time, and whether it is certain.
            today: The date of the class session.

        Raises:
            OutboxError: The outbox cannot be written; the next turn tries again.
        """
        now_s, days = clock.monotonic_s(), None
        if clock.steady_for_s() >= _SETTLED_S:
            days = today - KEPT, today + timedelta(days=1)
        due = (int(now_s // EVERY_S), days)
        if self.done == due:
            return
        boot_id = clock.boot_id()
        outbox.prune_keys(boot_id, now_s - KEPT.total_seconds(), days)
        if days is not None:
            clock.not_before_s = outbox.newest_dated(boot_id)[1] or 0.0
        self.done = due


def _is_of_session(one: DeduplicationKey, key: DeduplicationKey, session_at: SessionAt) -> bool:
    if one.boot_id != key.boot_id:
        return one.is_dated and key.is_dated and one.session == key.session
    if one.monotonic_s is None or key.monotonic_s is None:
        return one.session == key.session
    ago_s = key.monotonic_s - one.monotonic_s
    if one.session == key.session and ago_s < SAME_S:
        return True
    then = datetime.fromtimestamp(0, UTC) + timedelta(seconds=max(0.0, key.time_s - ago_s))
    return session_at(then) == key.session
