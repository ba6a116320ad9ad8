"""The list of erased people, so that no file brings them back; it travels with exported galleries.

It holds no id, only keyed hashes of ids (HMAC-SHA256). Who has the list can still try ids one by
one, so it is kept as the gallery is. Each kiosk has a salt of its own; the lists of others are kept
beside it, under theirs. A mark says whether a person was erased or enrolled, and when; of several
marks the latest counts, so lists may arrive in any order.
"""

import hashlib
import hmac
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kiosk.config.keys import Config
from kiosk.decoder import decoder_of
from kiosk.errors import GalleryError
from kiosk.files.atomic_file import atomic_write
from kiosk.files.bounded_file import read_file

NAME: Final = "erased.json"
_SALT_BYTES: Final = 16
_BYTES_MAX: Final = 64_000_000
Hex = Annotated[str, Meta(pattern="^[0-9a-f]{32,64}$")]


class Mark(msgspec.Struct, frozen=True, array_like=True, order=True):
    """The last that was done with a person.

    Attributes:
        at_s: When, Unix seconds; later than every mark of this person that was known then.
        is_erased: Erased; otherwise enrolled.
        consent: The newest consent, by its number at the register, whose withdrawal this kiosk has
            carried out for this person, now or before; 0 without one.
    """

    at_s: int
    is_erased: bool
    consent: int = 0


Marks = dict[Hex, dict[Hex, Mark]]
"""Marks by salt and by hash."""


@dataclass(frozen=True, slots=True)
class ErasedList:
    """Who was erased, and who was enrolled again since.

    Attributes:
        salt: That of this kiosk, hexadecimal.
        marks: Those of this kiosk and of others.
    """

    salt: str = field(default_factory=lambda: os.urandom(_SALT_BYTES).hex())
    marks: Mapping[str, Mapping[str, Mark]] = field(default_factory=dict)

    def mark_of(self, subject_id: str) -> Mark | None:
        """Return the latest mark of a person; ``None`` where there is none."""
        found = [marks.get(digest(salt, subject_id)) for salt, marks in self.marks.items()]
        return max((one for one in found if one is not None), default=None)

    def is_erased(self, subject_id: str) -> bool:
        """Return whether the last that was done with a person is that they were erased."""
        mark = self.mark_of(subject_id)
        return mark is not None and mark.is_erased

    def with_mark(
        self, subject_id: str, now_s: int, *, is_erased: bool, consent: int = 0
    ) -> "ErasedList":
        """Return a list in which a person was erased or enrolled now.

        Args:
            subject_id: The person.
            now_s: The time, Unix seconds.
            is_erased: Erased; otherwise enrolled.
            consent: The consent whose withdrawal this carries out.
        """
        last = self.mark_of(subject_id)
        at_s = now_s
        if last is not None:  # a clock may be behind
            at_s, consent = max(now_s, last.at_s + 1), max(consent, last.consent)
        own = {
            **self.marks.get(self.salt, {}),
            digest(self.salt, subject_id): Mark(at_s, is_erased, consent),
        }
        return replace(self, marks={**self.marks, self.salt: own})

    def merged(self, other: Mapping[str, Mapping[str, Mark]]) -> "ErasedList":
        """Return a list that also has the marks of another kiosk."""
        marks = {salt: dict(own) for salt, own in self.marks.items()}
        for salt, theirs in other.items():
            own = marks.setdefault(salt, {})
            for one, mark in theirs.items():
                own[one] = max(mark, own.get(one, mark))
        return replace(self, marks=marks)


def digest(salt: str, subject_id: str) -> str:
    """Return the keyed hash of an id, hexadecimal."""
    return hmac.new(bytes.fromhex(salt), subject_id.encode(), hashlib.sha256).hexdigest()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    salt: Hex
    marks: Marks


def load_erased(config: Config) -> ErasedList:
    """Read the list; return an empty one with a new salt where there is none.

    Raises:
        GalleryError: The file cannot be read, or is damaged.
    """
    path = config.directory / NAME
    try:
        found = decoder_of(_File).decode(read_file(path, _BYTES_MAX))
    except FileNotFoundError:
        return ErasedList()
    except OSError as exc:
        raise GalleryError(f"{path}: cannot be read ({exc.strerror})") from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        message = f"{path}: not a list of erased people; restore a copy, or delete it"
        raise GalleryError(f"{message}: an import may then bring erased people back") from exc
    return ErasedList(found.salt, found.marks)


def save_erased(config: Config, erased: ErasedList) -> None:
    """Write the list; call it under the lock (:mod:`kiosk.people.write_lock`).

    Raises:
        GalleryError: It cannot be written.
    """
    path = config.directory / NAME
    content = msgspec.json.encode(_File(erased.salt, {k: dict(v) for k, v in erased.marks.items()}))
    try:
        with atomic_write(path, 0o640, owner_of=config.directory) as partial:
            partial.write_bytes(content)
    except OSError as exc:
        raise GalleryError(f"{path}: cannot be written ({exc.strerror})") from exc


def mark_enrolled(config: Config, *subjects: str) -> None:
    """Note that people were enrolled: an import brings them back again.

    Raises:
        GalleryError: The list cannot be read or written.
    """
    erased, now_s = load_erased(config), int(time.time())
    for one in subjects:
        erased = erased.with_mark(one, now_s, is_erased=False)
    save_erased(config, erased)
