"""Erase a person from this kiosk.

Every place is tried, whatever happened at the others, and a second erasure erases what the first
could not. Only then is the running kiosk told, and its word awaited.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from kiosk.config.keys import Config
from kiosk.erasure.galleries import Galleries, is_plain
from kiosk.erasure.outcome import Erasure, Failure, why
from kiosk.erasure.receipt import write_receipt
from kiosk.errors import GalleryError, KioskError, ReloadError
from kiosk.files.atomic_file import delete_wiped
from kiosk.files.presence import may_exist
from kiosk.outbox.erase import Forgotten, databases_aside, overwrite_in, unfinished
from kiosk.outbox.outbox import Outbox
from kiosk.people.erased import ErasedList, digest, load_erased, save_erased
from kiosk.people.keyring import Keyring
from kiosk.people.roster import remove_from_roster
from kiosk.people.write_lock import write_lock
from kiosk.reload_request import PATIENCE_S, request_reload
from kiosk.service_status import ServiceStatus, read_status

_EXPORTS: Final = (
    "files that `kiosk gallery export` has made, and backups; an import brings nobody back, but"
    " delete them"
)
_REGISTER: Final = "events at the register; erase them there with `kiosk register erase`"

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Task:
    """Whom to erase, and how much of them.

    Attributes:
        subject_id: The person.
        events: Their events, too, which otherwise wait here for the register.
        consent: Whose withdrawal this carries out: the roster keeps the name, and a person of whom
            there is nothing is marked as erased, too. 0 without such an order.
        forget: Erases them from an outbox that is open in this process; ``None`` opens it.
    """

    subject_id: str
    events: bool = False
    consent: int = 0
    forget: Callable[[str], Forgotten] | None = None


def erase_person(
    config: Config, subject_id: str, *, events: bool = False, patience_s: float = PATIENCE_S
) -> Erasure:
    """Erase a person from all galleries, the roster, the outbox and what lies beside it.

    Args:
        config: Names the files.
        subject_id: The person.
        events: Erase their events, too, which otherwise wait here for the register.
        patience_s: How long to wait for the running kiosk, seconds.

    Raises:
        GalleryError: The id is nowhere on this kiosk and was never erased, or the state folder
            cannot be used.
        InUseError: Another command is writing the gallery.
    """
    if not may_exist(config.directory):
        raise GalleryError(_unknown(subject_id))
    with write_lock(config, "kiosk gallery remove"):
        erasure = erase_files(config, Task(subject_id, events))
    _tell(config, erasure, patience_s)
    return with_receipt(config, erasure, subject_id)


def erase_files(config: Config, task: Task) -> Erasure:
    """Erase a person from every file; the caller holds the lock.

    Raises:
        GalleryError: As :func:`erase_person`, unless an order is carried out.
    """
    erasure, subject_id = Erasure(), task.subject_id
    _remove_partial_files(config, erasure)
    galleries = Galleries.read(config)
    erased = _try(erasure, "erased.json", lambda: load_erased(config), None)
    erasure.was_erased = erased is not None and erased.is_erased(subject_id)
    holders = galleries.with_subject(subject_id)
    erasure.gallery = config.gallery_path in holders
    erasure.old_galleries = tuple(p.name for p in holders if p != config.gallery_path)
    if not task.consent:
        erasure.roster = _try(erasure, "roster", lambda: _leave_roster(config, subject_id), False)
    _erase_from_outbox(config, task, erasure)
    is_known = erasure.is_found or erasure.was_erased or bool(galleries.failed)
    if not is_known and not task.consent:
        raise GalleryError(_unknown(subject_id))
    if erased is not None:
        _mark(config, erased, task, erasure)
    erasure.remains += [
        f"{name}: its file has another name, which keeps the old content, not encrypted; delete it"
        for name in galleries.other_names()
    ]
    was_plain = any(is_plain(path) for path in galleries.found)
    if galleries.found:
        erasure.new_key = galleries.rewrite(without=subject_id)
    erasure.failed += galleries.failed
    if was_plain:
        erasure.remains.append(
            "copies that the storage kept of a gallery that was not encrypted before"
        )
    if erasure.roster:
        erasure.remains.append("the name on screens of `kiosk watch`; close those that are open")
    erasure.remains += [_EXPORTS, _REGISTER]
    return erasure


def _mark(config: Config, erased: ErasedList, task: Task, erasure: Erasure) -> None:
    """Note that the person was erased, before the galleries: a kill in between is repaired."""
    mark = erased.mark_of(task.subject_id)
    is_noted = mark is not None and mark.is_erased and mark.consent >= task.consent
    if is_noted and not erasure.is_found:
        return
    marked = erased.with_mark(
        task.subject_id, int(time.time()), is_erased=True, consent=task.consent
    )
    _try(erasure, "erased.json", lambda: save_erased(config, marked), None)


def _leave_roster(config: Config, subject_id: str) -> bool:
    path = config.roster_path
    return path is not None and remove_from_roster(path, subject_id, owner_of=config.directory)


def _erase_from_outbox(config: Config, task: Task, erasure: Erasure) -> None:
    def forget() -> Forgotten:
        if task.forget is not None:
            return task.forget(task.subject_id)
        if not may_exist(config.outbox_path):
            return Forgotten()
        with Outbox(config.outbox_path) as outbox:
            return outbox.forget(task.subject_id, events=task.events)

    erasure.outbox = _try(erasure, "outbox", forget, Forgotten())
    if erasure.outbox.is_in_log:
        log = f"{config.outbox_path.name}-wal"
        reason = "another program reads the outbox, perhaps a backup: what was erased is in its log"
        advice = "repeat this command when it has ended"
        erasure.failed.append(Failure(log, f"{reason}; {advice}", "locked"))
    if erasure.outbox.events_kept:
        erasure.remains.append(
            f"events that wait here for the register: {erasure.outbox.events_kept}; repeat this"
            " command when it has them, or erase them here with --events"
        )
    paths, new = databases_aside(config.outbox_path), unfinished(config.outbox_path)
    if new and task.forget is None and read_status(config) is not None:
        reason = "the running kiosk may be making this file; stop it, then repeat this command"
        erasure.failed.append(Failure(new[0].name, reason, "locked"))
    else:
        paths += new
    for path in paths:
        try:
            erasure.aside += overwrite_in(path, task.subject_id)
        except OSError as exc:
            reason = f"cannot be written ({exc.strerror}); delete this file"
            erasure.failed.append(Failure(path.name, reason, why(exc)))


def _remove_partial_files(config: Config, erasure: Erasure) -> None:
    """Delete what a power cut left of a file that was being written."""
    for path in (config.gallery_path, config.roster_path, Keyring.of(config).path):
        if path is None:
            continue
        real = path.resolve()
        partial = real.with_name(f".partial-{real.name}")
        try:
            delete_wiped(partial)
        except OSError as exc:
            reason = f"cannot be deleted ({exc.strerror})"
            erasure.failed.append(Failure(partial.name, reason, why(exc)))


def _tell(config: Config, erasure: Erasure, patience_s: float) -> None:
    """Tell the running kiosk, and note if it may still name the person."""
    status = read_status(config)
    if status is None or _knows_nobody(status):
        return
    try:
        request_reload(config, patience_s=patience_s)
        erasure.kiosk = "in use"
    except ReloadError as exc:
        status = read_status(config)
        if status is None or _knows_nobody(status):
            return
        erasure.kiosk = "failed"
        reason = f"may still name this person: {exc}; `systemctl restart kiosk`"
        erasure.failed.append(Failure("running kiosk", reason, "old gallery in use"))


def _knows_nobody(status: ServiceStatus) -> bool:
    """Return whether a kiosk waits for its disk or for a gallery, and reads it only then."""
    is_without_disk = bool(status.outbox_fault) and not status.model_id
    return is_without_disk or (bool(status.gallery_fault) and status.people == 0)


def with_receipt(config: Config, erasure: Erasure, subject_id: str) -> Erasure:
    """Write the receipt of an erasure, and return the erasure with its name."""

    def write() -> str:
        person = digest(load_erased(config).salt, subject_id)
        return str(write_receipt(config, erasure, person, datetime.now(UTC)))

    erasure.receipt = _try(erasure, "receipt", write, "")
    return erasure


def _try(erasure: Erasure, place: str, action: Callable[[], Result], otherwise: Result) -> Result:
    """Run a part of the erasure; note its failure, so that the other parts are run, too."""
    try:
        return action()
    except KioskError as exc:
        erasure.failed.append(Failure(place, str(exc), why(exc)))
        return otherwise


def _unknown(subject_id: str) -> str:
    return f"subject {subject_id!r} is not enrolled; see `kiosk gallery list`"
