"""The eight codes that a mark may have, and what each counts as.

One code a mark, never several flags side by side, so a student cannot be late and absent at once.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kiosk.config.file import Problem, Section


class Code(StrEnum):
    """What is known of a student in a lesson."""

    PRESENT = "present"
    LATE = "late"
    ABSENT = "absent"
    EXCUSED = "excused"
    LEFT_EARLY = "left-early"
    OFF_SITE = "off-site"
    EXEMPT = "exempt"
    NOT_KNOWN = "not-known"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeFacts:
    """What a code counts as, and how other systems call it.

    Attributes:
        counts_present: The student attended, here or elsewhere.
        counts_absent: The student did not attend.
        counts_late: The student came late.
        counts_toward_rate: The lesson is part of the attendance rate.
        moodle: Acronym of the status in Moodle; empty leaves the mark out there. The defaults
            keep to the four of a new Moodle activity.
        ed_fi: Code value of Ed-Fi's AttendanceEventCategoryDescriptor; empty leaves the mark out.
    """

    counts_present: bool = False
    counts_absent: bool = False
    counts_late: bool = False
    counts_toward_rate: bool = False
    moodle: str = ""
    ed_fi: str = ""


CODES: Final[Mapping[Code, CodeFacts]] = MappingProxyType(
    {
        Code.PRESENT: CodeFacts(
            counts_present=True, counts_toward_rate=True, moodle="P", ed_fi="In Attendance"
        ),
        Code.LATE: CodeFacts(
            counts_present=True,
            counts_late=True,
            counts_toward_rate=True,
            moodle="L",
            ed_fi="Tardy",
        ),
        Code.ABSENT: CodeFacts(
            counts_absent=True, counts_toward_rate=True, moodle="A", ed_fi="Unexcused Absence"
        ),
        Code.EXCUSED: CodeFacts(counts_absent=True, moodle="E", ed_fi="Excused Absence"),
        Code.LEFT_EARLY: CodeFacts(
            counts_present=True, counts_toward_rate=True, moodle="P", ed_fi="Early departure"
        ),
        Code.OFF_SITE: CodeFacts(
            counts_present=True, counts_toward_rate=True, moodle="P", ed_fi="In Attendance"
        ),
        Code.EXEMPT: CodeFacts(moodle="E"),
        Code.NOT_KNOWN: CodeFacts(),
    }
)
"""The defaults. Ed-Fi's values are those of its Data Standard 4, which has none for "exempt"."""

Acronym = Annotated[str, Meta(max_length=2, description="at most 2 characters, as in Moodle")]


class CodeSection(Section, frozen=True, kw_only=True):
    """What a school counts otherwise for one code; a key that is left out keeps its default."""

    code: Code
    counts_present: bool | UnsetType = UNSET
    counts_absent: bool | UnsetType = UNSET
    counts_late: bool | UnsetType = UNSET
    counts_toward_rate: bool | UnsetType = UNSET
    moodle: Acronym | UnsetType = UNSET
    ed_fi: str | UnsetType = UNSET

    @property
    def facts(self) -> CodeFacts:
        """The default of the code with what this section sets."""
        own = {key: value for key, value in msgspec.structs.asdict(self).items() if key != "code"}
        return replace(CODES[self.code], **{k: v for k, v in own.items() if v is not UNSET})

    def problems(self) -> Iterator[Problem]:
        """Check that nobody counts as present and absent at once, and that "not-known" is open."""
        if self.facts.counts_present and self.facts.counts_absent:
            yield "counts_absent", f"{self.code} would count as present, too"
        if self.code is Code.NOT_KNOWN and self.facts != CODES[Code.NOT_KNOWN]:
            yield "code", "not-known counts as nothing; it ends when the kiosk's events arrive"


def code_table(sections: Iterable[CodeSection]) -> Mapping[Code, CodeFacts]:
    """Return what each code counts as: the defaults with a school's own sections."""
    return MappingProxyType({**CODES, **{one.code: one.facts for one in sections}})


def code_problems(sections: Iterable[CodeSection]) -> Iterator[Problem]:
    """Check that no code has two sections."""
    seen = set[Code]()
    for i, one in enumerate(sections):
        if one.code in seen:
            yield f"code[{i}].code", f"{one.code.value!r} is there twice"
        seen.add(one.code)
