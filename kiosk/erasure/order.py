"""Carry out an order of the register: erase a face from the kiosk that runs in this process."""

from collections.abc import Callable
from typing import Final

from kiosk.config.keys import Config
from kiosk.config.private_file import make_directory
from kiosk.erasure.erase import Task, erase_files, with_receipt
from kiosk.erasure.galleries import Galleries
from kiosk.erasure.outcome import Erasure, Failure, why
from kiosk.errors import InUseError, KioskError, ReloadError
from kiosk.outbox.erase import Forgotten
from kiosk.people.erased import load_erased
from kiosk.people.write_lock import write_lock

_WAIT_S: Final = 2.0
"""How long to wait for another command; the order is tried again, and the register told."""


def carry_out(
    config: Config,
    subject_id: str,
    consent: int,
    *,
    forget: Callable[[str], Forgotten],
    use_gallery: Callable[[], None],
) -> Erasure:
    """Erase a face; the roster keeps the name, and events wait for the register.

    It may be repeated, also after a kill in the middle. A failure is in the result.

    Args:
        config: Names the files.
        subject_id: The person.
        consent: The number of the consent that was withdrawn.
        forget: Erases the person from the open outbox.
        use_gallery: Has the frame loop read the gallery again, and waits until it does; raises
            :class:`~kiosk.errors.ReloadError`.
    """
    try:
        make_directory(config)
        with write_lock(config, "an order of the register", wait_s=_WAIT_S):
            if _is_enrolled_since(config, subject_id, consent):
                reason = "enrolled after this order was carried out"
                return _failed(Failure(config.gallery_path.name, reason, "enrolled again"))
            erasure = erase_files(config, Task(subject_id, consent=consent, forget=forget))
        _use(erasure, use_gallery)
    except InUseError as exc:
        return _failed(Failure(config.gallery_path.name, str(exc), "locked"))
    except KioskError as exc:
        return _failed(Failure(config.gallery_path.name, str(exc), why(exc)))
    return erasure if erasure.failed else with_receipt(config, erasure, subject_id)


def _is_enrolled_since(config: Config, subject_id: str, consent: int) -> bool:
    """Return whether the person is enrolled, and was so after this order, or a later one."""
    mark = load_erased(config).mark_of(subject_id)
    if mark is None or mark.is_erased or mark.consent < consent:
        return False
    return bool(Galleries.read(config).with_subject(subject_id))


def _use(erasure: Erasure, use_gallery: Callable[[], None]) -> None:
    try:
        use_gallery()
        erasure.kiosk = "in use"
    except ReloadError as exc:
        erasure.kiosk = "failed"
        erasure.failed.append(Failure("running kiosk", str(exc), "old gallery in use"))


def _failed(failure: Failure) -> Erasure:
    return Erasure(failed=[failure])
