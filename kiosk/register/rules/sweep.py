"""Which lessons can be decided now, so that those who were not seen are absent.

A caller writes the decision by compare-and-set ("decided where not decided yet"), so several
instances of the register may sweep at once, and events that arrive afterwards are derived as usual.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from kiosk.register.rules.lesson import Door, Lesson


def due_lessons(
    undecided: Iterable[Lesson],
    doors: Mapping[tuple[str, str], Sequence[Door]],
    now: datetime,
) -> tuple[str, ...]:
    """Return the ids of the lessons that are over, and for which every kiosk is complete.

    Args:
        undecided: Lessons without a decision; cancelled ones are passed over.
        doors: Every kiosk of each room, by site and room; a room without one is never complete.
        now: The current time, aware.
    """
    over = [one for one in undecided if not one.is_cancelled and one.ends_at <= now]
    return tuple(one.lesson_id for one in over if _is_complete(one, doors))


def _is_complete(lesson: Lesson, doors: Mapping[tuple[str, str], Sequence[Door]]) -> bool:
    here = [one for one in doors.get((lesson.site, lesson.room), ()) if one.serves(lesson)]
    return bool(here) and all(one.is_complete_past(lesson.ends_at) for one in here)
