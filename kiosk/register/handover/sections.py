"""The section of Ed-Fi that each lesson belongs to: class, term, and the school's number."""

from collections.abc import Callable, Iterable
from datetime import date

from kiosk.register.config import RegisterConfig
from kiosk.register.exports.ed_fi import Section
from kiosk.register.exports.records import Line, Why
from kiosk.register.models import SchoolClass, Term


def sections(lines: Iterable[Line], config: RegisterConfig) -> Callable[[Line], Section | Why]:
    """Return the function that names a line's section, or why it has none."""
    classes = SchoolClass.objects.in_bulk({one.class_id for one in lines})
    terms = sorted(Term.objects.all(), key=lambda one: (one.end - one.begin, one.title))

    def section_of(line: Line) -> Section | Why:
        school_class = classes[line.class_id]
        term = next((one for one in terms if one.begin <= line.date <= one.end), None)
        school_id = config.ed_fi_school_id(school_class.site)
        if not school_id:
            return Why.NO_SCHOOL
        if not school_class.course_code:
            return Why.NO_COURSE
        if term is None:
            return Why.NO_TERM
        return Section(
            local_course_code=school_class.course_code,
            school_id=school_id,
            school_year=_year(line.date, config.exports.school_year_begins),
            section_identifier=school_class.sis_id or school_class.class_id,
            session_name=term.title,
        )

    return section_of


def _year(day: date, begins: int) -> int:
    """Return the year in which a school year ends that begins with a month."""
    return day.year + (begins > 1 and day.month >= begins)
