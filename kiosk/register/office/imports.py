"""An import in two steps: show what a file would change, then apply what was shown."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from django.db import transaction

from kiosk.register.imports.outcome import Remark
from kiosk.register.imports.plan import RosterPlan, TimetablePlan
from kiosk.register.imports.records import LessonRow, Roster
from kiosk.register.office import roster_import, timetable_import
from kiosk.register.office.timetable_import import Options, Scope

Kind = Literal["roster", "timetable"]
Plan: TypeAlias = RosterPlan | TimetablePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file and what it does not say itself.

    Attributes:
        kind: What it is.
        data: Its content.
        name: Its name.
        options: For a timetable.
        zone: The time zone of its site.
    """

    kind: Kind
    data: bytes
    name: str
    options: Options
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an import would do.

    Attributes:
        problems: Why it does nothing, by line; empty if it can be applied.
        notes: What was left out or assumed, by line.
        content: What the file says; ``None`` with problems.
        plan: What would change; ``None`` with problems.
        former: How many students would no longer be in the list.
        scope: What a timetable speaks of.
        fingerprint: Names the plan: another one has another.
    """

    problems: tuple[Remark, ...]
    notes: tuple[Remark, ...]
    content: Roster | tuple[LessonRow, ...] | None = None
    plan: Plan | None = None
    former: int = 0
    scope: Scope | None = None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What an import has done.

    Attributes:
        teachers: How many teachers with an account were given classes.
        kiosks: How many kiosks are told a new timetable.
    """

    teachers: int = 0
    kiosks: int = 0


def preview(source: Source, now: datetime) -> Preview:
    """Return what an import would do; nothing is stored."""
    return _of_roster(source, now) if source.kind == "roster" else _of_timetable(source, now)


@transaction.atomic
def apply(source: Source, fingerprint: str | None, now: datetime) -> Done | None:
    """Do an import, all or nothing.

    Args:
        source: The file.
        fingerprint: The plan that was shown; ``None`` for whatever the file says.
        now: The current time.

    Returns:
        What was done; ``None``, and nothing was, if the file has problems or what is stored has
        changed since, so that another plan would be applied.
    """
    found = preview(source, now)
    if found.plan is None or fingerprint not in {None, found.fingerprint}:
        return None
    if isinstance(found.plan, TimetablePlan):
        return Done(kiosks=timetable_import.apply(found.plan, source.zone, now))
    assert isinstance(found.content, Roster)
    today = now.astimezone(source.zone).date()
    return Done(teachers=roster_import.apply(found.plan, found.content, today, now))


def counts(plan: Plan) -> dict[str, int]:
    """Return how much would change, by what."""
    if isinstance(plan, TimetablePlan):
        return {
            "lessons_added": len(plan.added),
            "lessons_changed": len(plan.changed),
            "lessons_cancelled": len(plan.cancelled),
            "lessons_over": plan.kept,
        }
    return {
        "people_added": len(plan.people_added),
        "people_changed": len(plan.people_changed),
        "classes_added": len(plan.classes_added),
        "classes_changed": len(plan.classes_changed),
        "terms_added": len(plan.terms_added),
        "terms_changed": len(plan.terms_changed),
        "memberships_begun": len(plan.begun),
        "memberships_changed": len(plan.changed),
        "past_lists_changed": sum(one.is_past for one in plan.changed),
    }


def _of_roster(source: Source, now: datetime) -> Preview:
    found = roster_import.read(source.data, source.name)
    if found.content is None:
        return Preview(problems=found.problems, notes=found.notes)
    plan = roster_import.plan(found.content, now.astimezone(source.zone).date())
    return Preview(
        problems=(),
        notes=(
            *roster_import.erased(found.content, source.zone),
            *found.notes,
            *roster_import.doubles(plan, source.name),
        ),
        content=found.content,
        plan=plan,
        former=roster_import.former(found.content),
        fingerprint=_fingerprint(plan),
    )


def _of_timetable(source: Source, now: datetime) -> Preview:
    options = source.options
    found = timetable_import.read(source.data, source.name, options, source.zone, now)
    if found.content is None:
        return Preview(problems=found.problems, notes=found.notes)
    plan = timetable_import.plan(found.content, options.site, now)
    return Preview(
        problems=(),
        notes=found.notes,
        content=found.content,
        plan=plan,
        scope=timetable_import.scope_of(found.content),
        fingerprint=_fingerprint(plan),
    )


def _fingerprint(plan: Plan) -> str:
    return hashlib.sha256(repr(plan).encode()).hexdigest()
