"""Memberships of one person in one class may follow each other, and never overlap."""

from collections.abc import Iterable, Iterator

from kiosk.register.imports.csv_rows import Row
from kiosk.register.imports.outcome import Remark
from kiosk.register.imports.records import MembershipRow


def overlap(one: MembershipRow, other: MembershipRow) -> bool:
    """Return whether two memberships have a day in common."""
    return _starts_before_end(one, other) and _starts_before_end(other, one)


def overlaps(read: Iterable[tuple[Row, MembershipRow]]) -> Iterator[Remark]:
    """Find rows that put somebody into a class in which an earlier row has them already."""
    seen: dict[tuple[str, str], list[tuple[int, MembershipRow]]] = {}
    for row, one in read:
        others = seen.setdefault((one.person_id, one.class_id), [])
        for line, other in others:
            if overlap(one, other):
                yield row.remark("", f"the same person and class as on line {line}")
        others.append((row.line, one))


def _starts_before_end(one: MembershipRow, other: MembershipRow) -> bool:
    return one.begin is None or other.end is None or one.begin <= other.end
