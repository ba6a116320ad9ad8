"""Which lessons can be decided now, so that those who were not seen are absent.

A caller writes the decision by compare-and-set ("decided where not decided yet"), so several
instances of the register may sweep at once, and events that arrive afterwards are derived as usual.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kiosk.register.rules.lesson import Door, Lesson


@dataclass(frozen=True, slots=True)
class Waiting:
    """A lesson that is over and cannot be decided.

    Attributes:
        lesson_id: The lesson.
        waits_for: The kiosks that are not complete past its end; empty if the room has none.
    """

    lesson_id: str
    waits_for: tuple[Door, ...]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What can be decided.

    Attributes:
        due: Ids of the lessons to decide now.
        waiting: Lessons that are over and wait for a kiosk.
        next_at: When the next lesson ends; ``None`` if none does.
    """

    due: tuple[str, ...]
    waiting: tuple[Waiting, ...]
    next_at: datetime | None


def sweep(
    undecided: Iterable[Lesson],
    doors: Mapping[tuple[str, str], Sequence[Door]],
    now: datetime,
) -> Sweep:
    """Return which lessons can be decided.

    Args:
        undecided: Lessons without a decision; cancelled ones are passed over.
        doors: Every kiosk of each room, by site and room.
        now: The current time, aware.
    """
    lessons = [one for one in undecided if not one.is_cancelled]
    over = [one for one in lessons if one.ends_at <= now]
    due: list[str] = []
    waiting: list[Waiting] = []
    for lesson in over:
        here = [one for one in doors.get((lesson.site, lesson.room), ()) if one.serves(lesson)]
        behind = tuple(one for one in here if not one.is_complete_past(lesson.ends_at))
        if here and not behind:
            due.append(lesson.lesson_id)
        else:
            waiting.append(Waiting(lesson.lesson_id, behind))
    next_at = min((one.ends_at for one in lessons if one.ends_at > now), default=None)
    return Sweep(tuple(due), tuple(waiting), next_at)
