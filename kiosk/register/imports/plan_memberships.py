"""What becomes of the memberships of one person in one class.

Dates that the file says win, also over the past. A begin that it does not say is that of the stored
membership which the row continues, and otherwise today; in a class that has had nobody yet it is
open. What is over and not in the file stays.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from kiosk.register.imports.overlap import overlap
from kiosk.register.imports.records import MembershipRow

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """A stored membership gets other dates.

    Attributes:
        before: What is stored.
        after: What will be. With the end before its begin it is void, and no part of any list.
        is_past: Lists of days that are over change, since the file says so.
    """

    before: MembershipRow
    after: MembershipRow
    is_past: bool

    @property
    def first_day(self) -> date:
        """The first day whose list differs."""
        begins = _begin(self.before), _begin(self.after)
        if begins[0] != begins[1]:
            return min(begins)
        ends = [one.end for one in (self.before, self.after) if one.end is not None]
        return min(ends) + _DAY if ends else begins[0]


def compare(
    held: Sequence[MembershipRow],
    wanted: Iterable[MembershipRow],
    first: date | None,
    today: date,
) -> tuple[list[MembershipRow], list[MembershipChange]]:
    """Return the memberships to add, and those to change.

    Args:
        held: Those that are stored.
        wanted: Those of the file; they do not overlap.
        first: Where one begins that continues none and for which the file says nothing.
        today: The date.
    """
    rest = sorted((one for one in held if not _is_void(one)), key=_begin)
    resolved = [
        one if one.begin is not None else replace(one, begin=_begin_of(one, rest, first, today))
        for one in wanted
    ]
    new = sorted((one for one in resolved if one not in rest), key=_begin)
    kept = [one for one in resolved if one in rest]
    rest = [one for one in rest if one not in kept]
    begun: list[MembershipRow] = []
    changed: list[MembershipChange] = []
    for one in new:
        match = next((other for other in rest if overlap(one, other)), None)
        if match is None:
            begun.append(one)
        else:
            rest.remove(match)
            changed.append(_change(match, one, today))
    for one in rest:
        if any(overlap(one, other) for other in resolved):
            changed.append(_change(one, replace(one, end=_begin(one) - _DAY), today))
        elif _is_open(one, today):
            end = max(today, _begin(one)) - _DAY
            changed.append(_change(one, replace(one, end=end), today))
    return begun, changed


def _begin_of(
    row: MembershipRow, held: Sequence[MembershipRow], first: date | None, today: date
) -> date | None:
    """Return the begin of a row that does not say it."""
    before_end = [
        one for one in held if row.end is None or one.begin is None or one.begin <= row.end
    ]
    if not _is_open(row, today):
        same = [one for one in before_end if one.end == row.end]
        return next((one.begin for one in [*same, *reversed(before_end)]), None)
    still = [one for one in before_end if _is_open(one, today)]
    return still[0].begin if still else first


def _change(before: MembershipRow, after: MembershipRow, today: date) -> MembershipChange:
    was, will = _days_over(before, today), _days_over(after, today)
    return MembershipChange(before, after, is_past=was != will)


def _days_over(row: MembershipRow, today: date) -> tuple[date, date] | None:
    """Return the first day and the end of those days of a membership that are over."""
    yesterday = today - _DAY
    begin, end = _begin(row), min(row.end or yesterday, yesterday)
    return (begin, end) if begin <= end else None


def _begin(row: MembershipRow) -> date:
    return row.begin or date.min


def _is_open(row: MembershipRow, today: date) -> bool:
    return row.end is None or row.end >= today


def _is_void(row: MembershipRow) -> bool:
    return row.begin is not None and row.end is not None and row.end < row.begin
