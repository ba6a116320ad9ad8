"""The tree of all errors that this project raises on purpose.

::

    KioskError
    ├── ConfigError        (ValueError)       a configuration key, a timetable or an option
    ├── RosterError        (ValueError)       the list of names
    ├── PhotoError         (ValueError)       a photo that cannot be used
    │   ├── NoFaceError                       a photo without a face
    │   └── SeveralFacesError                 a photo with more than one face
    ├── ModelError         (ValueError)       a model bundle or detector weights
    ├── GalleryError       (ValueError)       a gallery file
    │   └── GalleryModelError                 a gallery made by another model
    ├── InUseError         (OSError)          files that another process is using
    ├── UnusableFileError  (OSError)          what is no regular file, or is too large
    ├── ReloadError        (OSError)          the running service kept its old files
    ├── DatasetError       (ValueError)       a training set, a split or a run folder
    ├── PayloadError       (ValueError)       an MQTT payload that does not match the schema
    ├── CameraError        (OSError)          a camera that cannot be opened or read
    │   └── RecordingError                    a recording that cannot be replayed
    ├── SignalsError       (OSError)          lights, buzzer or button at the door
    ├── OutboxError        (OSError)          the event database
    ├── RegisterError      (OSError)          the register's database
    ├── BrokerError        (ConnectionError)  an MQTT broker that cannot be used
    └── MissingExtraError  (ImportError)      an optional dependency that is not installed

A caller catches :class:`KioskError` or one leaf. Each message names the file, key or field and
what was expected. Each class has the exit code (``sysexits.h``) of a command that fails with it.
"""

import errno
import os
from typing import ClassVar, Final


class KioskError(Exception):
    """Base class of all errors of this project."""

    exit_code: ClassVar[int] = 1


class ConfigError(KioskError, ValueError):
    """A configuration key, a timetable entry or a command-line option is invalid."""

    exit_code = 78


class RosterError(KioskError, ValueError):
    """The roster (subject id → name) is invalid."""

    exit_code = 65


class PhotoError(KioskError, ValueError):
    """A photo cannot be used."""

    exit_code = 65


class NoFaceError(PhotoError):
    """The detector found no face in a photo."""


class SeveralFacesError(PhotoError):
    """The detector found more than one face where one person was expected."""


class ModelError(KioskError, ValueError):
    """A model bundle or the detector's weights cannot be used."""

    exit_code = 65


class GalleryError(KioskError, ValueError):
    """A gallery file cannot be used."""

    exit_code = 65


class GalleryModelError(GalleryError):
    """The gallery's templates come from another model than the loaded one."""


class InUseError(KioskError, OSError):
    """Another process uses the files, or has not answered; a second try may succeed."""

    exit_code = 75


class UnusableFileError(KioskError, OSError):
    """What should be read is no regular file, or is too large; ``strerror`` is the reason.

    Whoever reads a file turns it, as every :class:`OSError`, into an error that names the file.
    """

    exit_code = 65


class ReloadError(KioskError, OSError):
    """The running service did not read its files again; the old ones stay in force."""

    exit_code = 69


class DatasetError(KioskError, ValueError):
    """A training set, a split or a run folder cannot be used."""

    exit_code = 65


class PayloadError(KioskError, ValueError):
    """An MQTT payload does not match the schema of its topic."""

    exit_code = 65


class CameraError(KioskError, OSError):
    """A camera cannot be opened or no longer delivers frames."""

    exit_code = 69


class RecordingError(CameraError):
    """A recording that replaces a camera cannot be read; a second try would fail, too."""

    exit_code = 65


class SignalsError(KioskError, OSError):
    """Lights, buzzer or button at the door cannot be used; the kiosk records without them."""

    exit_code = 69


class OutboxError(KioskError, OSError):
    """The event database cannot be read or written."""

    exit_code = 74


class RegisterError(KioskError, OSError):
    """The register's database cannot be read or written."""

    exit_code = 74


class BrokerError(KioskError, ConnectionError):
    """The MQTT broker cannot be used as configured."""

    exit_code = 69


class MissingExtraError(KioskError, ImportError):
    """An optional dependency is needed but not installed."""

    exit_code = 69


DISK_FAULT: Final = 74
"""The exit code where a disk cannot be read or written (``sysexits.h``: EX_IOERR)."""
NO_PERMISSION: Final = 77
"""The exit code where the system refuses a file that no error of ours names (EX_NOPERM)."""
_OF_DISKS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})


def is_of_disk(error: BaseException) -> bool:
    """Return whether a disk or a stream is full, read-only or broken."""
    return isinstance(error, OSError) and error.errno in _OF_DISKS


def exit_code_of(error: KioskError | OSError) -> int:
    """Return the exit code of a command that fails with this error.

    It is that of the class, unless the disk is the cause: then the file's content is not at fault.
    """
    cause: BaseException | None = error
    while cause is not None:
        if is_of_disk(cause):
            return DISK_FAULT
        cause = cause.__cause__
    if isinstance(error, KioskError):
        return error.exit_code
    return NO_PERMISSION if isinstance(error, PermissionError) else DISK_FAULT


def described(error: KioskError | OSError) -> str:
    """Return the message of an error; of one that the system raised, its file and the reason.

    One without a file is of a write, mostly to standard output.
    """
    if isinstance(error, KioskError):
        return str(error)
    if error.filename is None:
        return f"the output cannot be written ({error.strerror})"
    advice = "; try again with sudo" if isinstance(error, PermissionError) else ""
    return f"{os.fsdecode(error.filename)}: {error.strerror}{advice}"


def reason_of(error: Exception) -> str:
    """Return why a library or the system failed, for a message that names the file itself."""
    if isinstance(error, KeyError):
        return f"it has no {error}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
