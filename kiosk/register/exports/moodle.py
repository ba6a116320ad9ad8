"""The marks of one lesson for Moodle's import: ``idnumber,status``.

Never a column ``scantime``: with the default statuses Moodle would count every scan as present.
Moodle compares ids in small letters and takes the first row of each, so students who share an id
are left out, with the reason: whose mark it would take is not known.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from kiosk.register.exports.cells import is_formula, write_csv
from kiosk.register.exports.records import Handover, LeftOut, Line, Why, in_order
from kiosk.register.rules.codes import CODES, Code, CodeFacts


def moodle_csv(lines: Iterable[Line], table: Mapping[Code, CodeFacts] = CODES) -> Handover:
    """Return the file, and who is not in it.

    Args:
        lines: The students of one lesson.
        table: The acronym of each code.

    Raises:
        ValueError: The lines are of several lessons; Moodle imports one session at a time.
    """
    lines = in_order(lines)
    if len({one.lesson_id for one in lines}) > 1:
        raise ValueError("lines of several lessons; Moodle imports one session at a time")
    rows: list[tuple[str, str]] = []
    left_out: list[LeftOut] = []
    ids = Counter(one.other_id.lower() for one in lines)
    for line in lines:
        acronym = table[line.code].moodle
        if not acronym:
            left_out.append(LeftOut(line, Why.NO_ACRONYM))
        elif ids[line.other_id.lower()] > 1:
            left_out.append(LeftOut(line, Why.SAME_ID))
        elif is_formula(line.other_id):
            left_out.append(LeftOut(line, Why.FORMULA))
        else:
            rows.append((line.other_id, acronym))
    return Handover(write_csv([("idnumber", "status"), *rows]), tuple(left_out))
