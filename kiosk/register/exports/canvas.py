"""The attendance of one class as a column of Canvas's gradebook.

Canvas's Roll Call has no import, its gradebook has: it finds a student by "SIS User ID" where "ID"
is empty, and takes the columns after "Section" for assignments (``lib/gradebook_importer.rb`` of
Canvas). A late lesson counts 80 per cent, as in Roll Call.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final

from kiosk.register.alphabet import sort_key
from kiosk.register.exports.cells import is_formula, write_csv
from kiosk.register.exports.records import Handover, LeftOut, Line, Why, in_order
from kiosk.register.exports.table import percent
from kiosk.register.rules.codes import CODES, Code, CodeFacts

LATE_WEIGHT: Final = Fraction(4, 5)
_POINTS: Final = 100


def canvas_csv(
    lines: Iterable[Line],
    assignment: str,
    table: Mapping[Code, CodeFacts] = CODES,
    *,
    late_weight: Fraction = LATE_WEIGHT,
) -> Handover:
    """Return the file, and who is not in it.

    Args:
        lines: The students and lessons of one class.
        assignment: Title of the column; an assignment of this title is graded, or made.
        table: What each code counts as.
        late_weight: What a late lesson counts, 0 to 1.

    Raises:
        ValueError: The lines are of several classes; a gradebook is that of one course.
    """
    lines = in_order(lines)
    if len({one.class_id for one in lines}) > 1:
        raise ValueError("lines of several classes; a gradebook is that of one course")
    students: dict[str, list[Line]] = {}
    for line in lines:
        students.setdefault(line.student_id, []).append(line)
    rows: list[tuple[str | float | None, ...]] = []
    left_out: list[LeftOut] = []
    for own in sorted(students.values(), key=_by_name):
        first = own[-1]
        score = _score((one.code for one in own), table, late_weight)
        if score is None:
            left_out.append(LeftOut(first, Why.NOTHING_COUNTS))
        elif is_formula(first.other_id):
            left_out.append(LeftOut(first, Why.FORMULA))
        else:
            rows.append((first.name, "", first.other_id, "", first.class_title, score))
    header = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment)
    points = ("    Points Possible", "", "", "", "", _POINTS)
    return Handover(write_csv([header, points, *rows]), tuple(left_out))


def _score(
    codes: Iterable[Code], table: Mapping[Code, CodeFacts], late_weight: Fraction
) -> float | None:
    """Return per cent of the lessons that count; ``None`` if none does."""
    counted = [table[one] for one in codes if table[one].counts_toward_rate]
    if not counted:
        return None
    weights = (late_weight if one.counts_late else Fraction(one.counts_present) for one in counted)
    return percent(sum(weights, Fraction(0)) / len(counted))


def _by_name(lines: Sequence[Line]) -> tuple[str, str]:
    return sort_key(lines[0].name), lines[0].student_id
