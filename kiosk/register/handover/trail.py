"""What stood at a position: the changes of a mark up to it, put together; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from kiosk.register.rules.codes import Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A change of a mark (:class:`kiosk.register.models.MarkChange`).

    Attributes:
        position: Its id.
        account: User name; empty for a rule.
        undoes: The id of the change that it takes back.
    """

    position: int
    lesson_id: str
    subject_id: str
    at: datetime
    before: Code
    after: Code
    account: str
    rule: str
    reason: str
    minutes_late: int | None
    seen_at: datetime | None
    clock: str
    undoes: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A mark at a position.

    Attributes:
        code: The code that counted.
        derived: What the rules last said in the trail; ``None`` if they said nothing.
        correction: The change by which a person had set the code; ``None`` if nobody had.
    """

    code: Code = Code.NOT_KNOWN
    derived: Step | None = None
    correction: Step | None = None


def standing(steps: Iterable[Step]) -> Standing:
    """Return what stood after changes of one mark, the oldest first."""
    now = Standing()
    before: dict[int, Step | None] = {}
    for step in steps:
        before[step.position] = now.correction
        if not step.account:
            now = Standing(step.after, step, None)
        elif step.undoes is None:
            now = Standing(step.after, now.derived, step)
        else:
            now = _taken_back(now, step, before.get(step.undoes))
    return now


def _taken_back(now: Standing, step: Step, correction: Step | None) -> Standing:
    """Return what stands after an undo: an earlier correction, or what the rules say."""
    if correction is not None:
        return Standing(step.after, now.derived, correction)
    if now.derived is not None and now.derived.after is step.after:
        return Standing(step.after, now.derived, None)
    return Standing(step.after, step, None)
