"""What an import would change."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kiosk.register.imports.overlap import overlap
from kiosk.register.imports.plan import (
    RosterPlan,
    plan_roster,
    plan_timetable,
)
from kiosk.register.imports.plan_memberships import MembershipChange
from kiosk.register.imports.records import (
    ClassRow,
    LessonRow,
    MembershipRow,
    PersonRow,
    Roster,
    TermRow,
)

TODAY = date(2026, 11, 25)
YESTERDAY = date(2026, 11, 24)
AUGUST, MARCH = date(2026, 8, 31), date(2026, 3, 1)
EMPTY = Roster((), (), ())


def roster(*memberships: MembershipRow, name: str = "Ada") -> Roster:
    people = {one.person_id: PersonRow(one.person_id, name) for one in memberships}
    classes = {one.class_id: ClassRow(one.class_id, one.class_id) for one in memberships}
    return Roster(tuple(people.values()), tuple(classes.values()), memberships)


def member(begin: date | None = None, end: date | None = None, who: str = "s-1") -> MembershipRow:
    return MembershipRow(who, "10B", begin, end)


def applied(plan: RosterPlan, stored: Roster) -> Roster:
    people = {one.person_id: one for one in (*stored.people, *plan.people_added)}
    people |= {after.person_id: after for _, after in plan.people_changed}
    classes = {one.class_id: one for one in (*stored.classes, *plan.classes_added)}
    classes |= {after.class_id: after for _, after in plan.classes_changed}
    changes = {one.before: one.after for one in plan.changed}
    memberships = [changes.get(one, one) for one in stored.memberships]
    return Roster(tuple(people.values()), tuple(classes.values()), (*memberships, *plan.begun))


def test_the_first_import_holds_for_all_dates() -> None:
    """A class that had nobody yet has always had these."""
    new = roster(member())
    plan = plan_roster(new, EMPTY, TODAY)
    assert (plan.people_added, plan.classes_added, plan.begun) == (
        new.people,
        new.classes,
        new.memberships,
    )


def test_the_same_file_again_plans_nothing() -> None:
    """Whether or not it has dates."""
    for row in (member(), member(AUGUST), member(AUGUST, date(2026, 12, 19)), member(None, MARCH)):
        stored = applied(plan_roster(roster(row), EMPTY, TODAY), EMPTY)
        assert plan_roster(roster(row), stored, TODAY + timedelta(days=9)).is_empty


def test_who_is_missing_leaves_today() -> None:
    """Yesterday's list stays, and so do former memberships."""
    former = MembershipRow("s-2", "10B", None, MARCH)
    stored = roster(member(), former)
    plan = plan_roster(roster(member(who="s-3")), stored, TODAY)
    assert plan.changed == (MembershipChange(member(), member(None, YESTERDAY), is_past=False),)
    assert plan.begun == (member(TODAY, who="s-3"),)


def test_who_comes_back_gets_no_past() -> None:
    """The months away stay away, and the next import plans nothing."""
    stored = roster(member(AUGUST, date(2026, 10, 1)))
    plan = plan_roster(roster(member()), stored, TODAY)
    assert (plan.begun, plan.changed) == ((member(TODAY),), ())
    assert plan_roster(roster(member()), applied(plan, stored), TODAY).is_empty


def test_memberships_that_the_file_joins_become_one() -> None:
    """The second is void; the days between were missing, which is said."""
    stored = roster(member(AUGUST, date(2026, 10, 1)), member(date(2026, 11, 2)))
    plan = plan_roster(roster(member(AUGUST)), stored, TODAY)
    assert [(one.after, one.is_past) for one in plan.changed] == [
        (member(AUGUST), True),
        (member(date(2026, 11, 2), date(2026, 11, 1)), True),
    ]


def test_dates_of_the_file_count() -> None:
    """A change of days that are over is said to be one."""
    stored = roster(member(AUGUST))
    later = plan_roster(roster(member(date(2026, 9, 14))), stored, TODAY)
    assert [one.is_past for one in later.changed] == [True]
    leaving = plan_roster(roster(member(AUGUST, date(2026, 12, 19))), stored, TODAY)
    assert [one.is_past for one in leaving.changed] == [False]
    left = plan_roster(roster(member(AUGUST, date(2026, 10, 1))), stored, TODAY)
    assert [one.is_past for one in left.changed] == [True]


def test_names_and_titles_are_changed() -> None:
    """Before and after are shown."""
    stored = roster(member())
    plan = plan_roster(roster(member(), name="Ada L."), stored, TODAY)
    assert plan.people_changed == ((PersonRow("s-1", "Ada"), PersonRow("s-1", "Ada L.")),)
    assert not plan.is_empty


def test_terms_are_added_and_changed() -> None:
    """By their titles."""
    autumn = TermRow("Autumn", AUGUST, date(2026, 12, 18))
    longer = replace(autumn, end=date(2026, 12, 22))
    assert plan_roster(replace(EMPTY, terms=(autumn,)), EMPTY, TODAY).terms_added == (autumn,)
    plan = plan_roster(replace(EMPTY, terms=(longer,)), replace(EMPTY, terms=(autumn,)), TODAY)
    assert (plan.terms_changed, plan.is_empty) == (((autumn, longer),), False)


days = st.none() | st.integers(-90, 90).map(lambda n: TODAY + timedelta(days=n))


@st.composite
def files(draw: st.DrawFn) -> Roster:
    rows: list[MembershipRow] = []
    for who in draw(st.lists(st.sampled_from(["s-1", "s-2"]), max_size=4)):
        row = member(draw(days), draw(days), who)
        is_none = row.begin is not None and row.end is not None and row.begin > row.end
        if not is_none and not any(overlap(row, one) for one in rows if one.person_id == who):
            rows.append(row)
    return roster(*rows)


@given(files(), files(), st.integers(0, 40))
def test_an_import_settles_at_once(first: Roster, second: Roster, later: int) -> None:
    """After any file, any other one, applied, plans nothing more, and no memberships overlap."""
    stored = applied(plan_roster(first, EMPTY, TODAY), EMPTY)
    today = TODAY + timedelta(days=later)
    plan = plan_roster(second, stored, today)
    after = applied(plan, stored)
    assert plan_roster(second, after, today).is_empty
    real = [
        one
        for one in after.memberships
        if one.begin is None or one.end is None or one.begin <= one.end
    ]
    for i, one in enumerate(real):
        for other in real[:i]:
            same = (one.person_id, one.class_id) == (other.person_id, other.class_id)
            assert not (same and overlap(one, other))


@given(files(), files())
def test_a_file_without_dates_changes_no_day_that_is_over(first: Roster, second: Roster) -> None:
    """The list of March stays March's list."""
    stored = applied(plan_roster(first, EMPTY, TODAY), EMPTY)
    assume(stored.memberships)
    undated = {
        (one.person_id, one.class_id): member(who=one.person_id) for one in second.memberships
    }
    after = applied(plan_roster(roster(*undated.values()), stored, TODAY), stored)
    for past in range(-95, 0):
        day = TODAY + timedelta(days=past)
        assert on(stored, day) == on(after, day)


def on(one: Roster, day: date) -> set[str]:
    return {
        m.person_id
        for m in one.memberships
        if (m.begin is None or m.begin <= day) and (m.end is None or day <= m.end)
    }


# Timetables

NOW = datetime(2026, 11, 25, 14, tzinfo=UTC)


def lesson(name: str, hours: int) -> LessonRow:
    start = NOW + timedelta(hours=hours)
    return LessonRow(
        lesson_id=name,
        class_title="10B",
        room="107",
        site="centro",
        starts_at=start,
        ends_at=start + timedelta(hours=1),
    )


def test_a_timetable_changes_only_what_is_not_over() -> None:
    """Lessons are added, changed and cancelled; those that are over are left and counted."""
    stored = [lesson(name, hours) for name, hours in (("a", -9), ("b", 0), ("c", 5), ("d", 6))]
    new = [
        replace(stored[0], room="9"),
        replace(stored[1], room="9"),
        stored[2],
        lesson("e", 7),
        lesson("f", -7),
    ]
    plan = plan_timetable(new, stored, NOW)
    assert [one.lesson_id for one in plan.added] == ["e"]
    assert [(before.room, after.room) for before, after in plan.changed] == [("107", "9")]
    assert [one.lesson_id for one in plan.cancelled] == ["d"]
    assert plan.kept == 2


@pytest.mark.parametrize("zone", [UTC, None])
def test_the_same_timetable_plans_nothing(zone: object) -> None:
    """In whatever zone its times are written; what was cancelled stays so."""
    stored = [lesson("a", 2), replace(lesson("b", 3), status="cancelled")]
    new = [stored[0]]
    if zone is None:
        new = [replace(stored[0], starts_at=stored[0].starts_at.astimezone())]
    assert plan_timetable(new, stored, NOW).is_empty
