"""The mark of one student in one lesson, derived from what was seen at the door.

Somebody is absent only when the lesson is over, every kiosk of the room is complete past its end,
*and* its camera saw the door all the time; otherwise the answer is "not known", with the kiosks
that are waited for. A time from a clock that was not synchronised shows that somebody was there; it
never says whether they were late, and the mark is put up for review.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from kiosk.register.rules.codes import Code
from kiosk.register.rules.lesson import Door, Lesson, Scan
from kiosk.register.rules.placement import in_window, is_exit
from kiosk.register.rules.settings import RuleSettings


class Rule(StrEnum):
    """The rule that made a mark: a stable id, the same in pages, exports and the database."""

    IN_WINDOW = "present.in-window"
    CARRIED_OVER = "present.carried-over"
    CLOCK_UNTRUSTED = "present.clock-untrusted"
    LATE = "late.after"
    LEFT_EARLY = "left-early.exit"
    CAME_TOO_LATE = "absent.after"
    NOT_SEEN = "absent.lesson-over-and-complete"
    NOT_BEGUN = "unknown.not-begun"
    RUNNING = "unknown.running"
    NO_KIOSK = "unknown.no-kiosk"
    KIOSK_BEHIND = "unknown.kiosk-behind"
    KIOSK_AWAY = "unknown.kiosk-did-not-watch"
    EXIT_ONLY = "unknown.exit-only"
    CLOCK_UNKNOWN = "unknown.clock-untrusted"
    NOT_EXPECTED = "unknown.not-expected"
    GUEST_ELSEWHERE = "exempt.guest-elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What the register concludes of a student in a lesson.

    Attributes:
        code: Present, late, left early, absent, exempt or not known.
        rule: The rule that said so.
        minutes_late: Minutes begun after the lesson's start; 0 for in time, ``None`` if not known.
        event_id: The event that decided; ``None`` without one.
    """

    code: Code
    rule: Rule
    minutes_late: int | None = None
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Before:
    """The student's lesson before this one.

    Attributes:
        lesson: That lesson.
        code: The code that stands there, a correction included.
        has_left: The student was seen leaving, and not coming back.
    """

    lesson: Lesson
    code: Code
    has_left: bool = False


def derive(
    lesson: Lesson,
    scans: Iterable[Scan],
    doors: Sequence[Door],
    settings: RuleSettings,
    now: datetime,
    *,
    before: Before | None = None,
    is_elsewhere: bool = False,
) -> Mark | None:
    """Return the mark of a student who is expected in a lesson; ``None`` if it is cancelled.

    Args:
        lesson: The lesson, as it is now: a moved one has its new time.
        scans: The student's events that belong to it, and those in its room that belong to no
            lesson since their clock was not synchronised: they keep the student from being absent.
        doors: Every kiosk of the room.
        settings: The rules.
        now: The current time, aware.
        before: The student's lesson before, if any: who stays in the room passes no door.
        is_elsewhere: The student is a guest of another lesson at this time, and exempt from this
            one unless seen coming to it.
    """
    if lesson.is_cancelled:
        return None
    settings = lesson.rules(settings)
    doors = [one for one in doors if one.serves(lesson)]
    scans = sorted(scans, key=lambda one: (one.scanned_at, one.event_id))
    seen = [one for one in scans if in_window(one, lesson, settings)]
    entries = [one for one in seen if not is_exit(one, settings)]
    exits = [one for one in seen if is_exit(one, settings)]
    is_complete = all(one.is_complete_past(lesson.ends_at) for one in doors)
    if entries:
        is_settled = bool(doors) and now >= lesson.ends_at and is_complete
        mark = _arrival(lesson, entries, settings, is_settled=is_settled)
    elif is_elsewhere:
        return Mark(code=Code.EXEMPT, rule=Rule.GUEST_ELSEWHERE)
    elif _stayed(lesson, settings, now, before):
        mark = Mark(code=Code.PRESENT, rule=Rule.CARRIED_OVER, minutes_late=0)
    elif doubtful := exits or [one for one in scans if _may_be_of(one, lesson, settings)]:
        rule = Rule.EXIT_ONLY if exits else Rule.CLOCK_UNKNOWN
        return Mark(code=Code.NOT_KNOWN, rule=rule, event_id=doubtful[-1].event_id)
    else:
        rule = _unseen(lesson, doors, now, is_complete=is_complete)
        return Mark(code=Code.ABSENT if rule is Rule.NOT_SEEN else Code.NOT_KNOWN, rule=rule)
    return _departure(mark, lesson, seen, settings, now)


def _arrival(
    lesson: Lesson, entries: Sequence[Scan], settings: RuleSettings, *, is_settled: bool
) -> Mark:
    """Return the mark of the first arrival whose time can be relied on, else of any."""
    trusted = [one for one in entries if one.clock_is_synchronised]
    if not trusted:
        rule = Rule.CLOCK_UNTRUSTED
        return Mark(code=Code.PRESENT, rule=rule, event_id=entries[0].event_id)
    delay = max(trusted[0].scanned_at - lesson.starts_at, timedelta(0))
    rule = _lateness(delay, settings, is_settled=is_settled)
    return Mark(
        code=Code(rule.partition(".")[0]),
        rule=rule,
        minutes_late=-(-delay // timedelta(minutes=1)),
        event_id=trusted[0].event_id,
    )


def _lateness(delay: timedelta, settings: RuleSettings, *, is_settled: bool) -> Rule:
    if is_settled and settings.absent_after is not None and delay > settings.absent_after:
        return Rule.CAME_TOO_LATE
    return Rule.LATE if delay > settings.late_after else Rule.IN_WINDOW


def _stayed(lesson: Lesson, settings: RuleSettings, now: datetime, before: Before | None) -> bool:
    """Return whether the student is in the room since the lesson before."""
    if before is None or settings.carry_over is None or now < lesson.starts_at:
        return False
    was_here = before.code in {Code.PRESENT, Code.LATE} and not before.has_left
    is_same_room = (before.lesson.site, before.lesson.room) == (lesson.site, lesson.room)
    pause = lesson.starts_at - before.lesson.ends_at
    return was_here and is_same_room and timedelta(0) <= pause <= settings.carry_over


def _departure(
    mark: Mark, lesson: Lesson, seen: Sequence[Scan], settings: RuleSettings, now: datetime
) -> Mark:
    """Turn present or late into left early, once the lesson is over and nobody came back."""
    trusted = [one for one in seen if one.clock_is_synchronised]
    if not trusted or now < lesson.ends_at or mark.code is Code.ABSENT:
        return mark
    last = trusted[-1]
    if not is_exit(last, settings) or last.scanned_at >= lesson.ends_at - settings.left_early:
        return mark
    return replace(mark, code=Code.LEFT_EARLY, rule=Rule.LEFT_EARLY, event_id=last.event_id)


def _may_be_of(scan: Scan, lesson: Lesson, settings: RuleSettings) -> bool:
    """Return whether an event of unknown time may be of a lesson: it arrived after it was made."""
    begin = lesson.starts_at - settings.window_before
    return not scan.clock_is_synchronised and scan.arrived_at >= begin


def _unseen(lesson: Lesson, doors: Sequence[Door], now: datetime, *, is_complete: bool) -> Rule:
    """Return the rule for somebody of whom nothing was seen."""
    if now < lesson.starts_at:
        return Rule.NOT_BEGUN
    if not doors:
        return Rule.NO_KIOSK
    if now < lesson.ends_at:
        return Rule.RUNNING
    if not is_complete:
        return Rule.KIOSK_BEHIND
    has_watched = all(one.has_watched(lesson.starts_at, lesson.ends_at) for one in doors)
    return Rule.NOT_SEEN if has_watched else Rule.KIOSK_AWAY
