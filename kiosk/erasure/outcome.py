"""What an erasure has done."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from errno import EACCES, EDQUOT, ENOSPC, EPERM, EROFS
from typing import Final, Literal, TypeAlias

from kiosk.errors import InUseError
from kiosk.outbox.erase import Forgotten

Answer: TypeAlias = Literal["not running", "in use", "failed"]
"""Of the running kiosk: it uses the new gallery; or it may still use the former one."""
Why: TypeAlias = Literal[
    "locked", "disk full", "read-only", "not permitted", "damaged", "old gallery in use",
    "enrolled again", "failed",
]  # fmt: skip
"""Another program uses the file; no space; the medium, or its owner, forbids it; the content cannot
be read; the running kiosk may still use the former gallery; the person was enrolled after the order
was carried out; or another reason."""
_BY_ERRNO: Final[dict[int | None, Why]] = {
    ENOSPC: "disk full",
    EDQUOT: "disk full",
    EROFS: "read-only",
    EACCES: "not permitted",
    EPERM: "not permitted",
}
_BY_SQLITE: Final[dict[str, Why]] = {
    "FULL": "disk full",
    "BUSY": "locked",
    "LOCKED": "locked",
    "READONLY": "read-only",
    "CORRUPT": "damaged",
    "NOTADB": "damaged",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A place that may still hold the person.

    Attributes:
        place: Which, without an id or a name.
        reason: Why, and what to do.
        why: The same in one of a few words, which name nobody.
    """

    place: str
    reason: str
    why: Why = "failed"


@dataclass(slots=True)
class Erasure:
    """Where an erased person was found, and where they may still be.

    Attributes:
        gallery: In the gallery in use.
        old_galleries: In these files, which were kept aside when the model changed.
        roster: In the roster.
        attended: In the attendance kept on this kiosk.
        outbox: What the outbox had.
        aside: In how many places of databases that were set aside.
        was_erased: The person had been erased before.
        new_key: The galleries have a new key.
        kiosk: What the running kiosk answered.
        failed: What could not be erased.
        remains: What no command on this kiosk can erase.
        receipt: The file that says so, without naming anybody.
    """

    gallery: bool = False
    old_galleries: tuple[str, ...] = ()
    roster: bool = False
    outbox: Forgotten = field(default_factory=Forgotten)
    aside: int = 0
    was_erased: bool = False
    new_key: bool = False
    kiosk: Answer = "not running"
    failed: list[Failure] = field(default_factory=list)
    remains: list[str] = field(default_factory=list)
    receipt: str = ""

    @property
    def attended(self) -> bool:
        """Whether the person was in the attendance kept on this kiosk."""
        return self.outbox.keys > 0

    @property
    def is_found(self) -> bool:
        """Whether anything of the person was on this kiosk."""
        in_gallery = self.gallery or bool(self.old_galleries)
        return in_gallery or self.roster or bool(self.outbox) or self.aside > 0


def why(error: BaseException) -> Why:
    """Return why something failed, of the error and its causes."""
    for one in _chain(error):
        if isinstance(one, InUseError):
            return "locked"
        if isinstance(one, OSError) and one.errno in _BY_ERRNO:
            return _BY_ERRNO[one.errno]
        name = getattr(one, "sqlite_errorname", "").split("_")
        if len(name) > 1 and name[1] in _BY_SQLITE:
            return _BY_SQLITE[name[1]]
    return "failed"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
