"""Every error this project raises on purpose, in one tree.

::

    KioskError
    ├── ConfigError        (ValueError)       a configuration key, a timetable or a command line
    ├── RosterError        (ValueError)       the list of names
    ├── PhotoError         (ValueError)       a photo that cannot be used
    │   ├── NoFaceError
    │   └── SeveralFacesError
    ├── ModelError         (ValueError)       a model bundle or detector weights
    ├── GalleryError       (ValueError)       a gallery file
    │   └── GalleryModelError                 a gallery that another model made
    ├── DatasetError       (ValueError)       a training set, a split or a run folder
    ├── PayloadError       (ValueError)       an MQTT payload that is not one of our events
    ├── CameraError        (OSError)          a camera that is absent, broken or gone
    │   └── RecordingError                    a recording to replay that cannot be read
    ├── OutboxError        (OSError)          the event database
    ├── BrokerError        (ConnectionError)  an MQTT broker that refuses us
    └── MissingExtraError  (ImportError)      an optional dependency that is not installed

A caller catches :class:`KioskError` or one leaf. Each message names the file, key or field
and says what was expected; each class carries the exit code (``sysexits.h``) of a command that
ends with it.
"""

from typing import ClassVar


class KioskError(Exception):
    """The base of all of them."""

    exit_code: ClassVar[int] = 1


class ConfigError(KioskError, ValueError):
    """A configuration key, a timetable entry or a command-line value is wrong."""

    exit_code = 78


class RosterError(KioskError, ValueError):
    """The roster (subject id → name) is malformed."""

    exit_code = 65


class PhotoError(KioskError, ValueError):
    """A photo cannot be used."""

    exit_code = 65


class NoFaceError(PhotoError):
    """The detector found no face in a photo."""


class SeveralFacesError(PhotoError):
    """The detector found more than one face where one person was expected."""


class ModelError(KioskError, ValueError):
    """A model bundle, or the detector's weights, cannot be used."""

    exit_code = 65


class GalleryError(KioskError, ValueError):
    """A gallery file cannot be used."""

    exit_code = 65


class GalleryModelError(GalleryError):
    """The gallery's templates were made by another model than the one loaded."""


class DatasetError(KioskError, ValueError):
    """A training set, a split or a run folder cannot be used."""

    exit_code = 65


class PayloadError(KioskError, ValueError):
    """An MQTT payload is not an event of this schema."""

    exit_code = 65


class CameraError(KioskError, OSError):
    """A camera cannot be opened, or has stopped giving frames."""

    exit_code = 69


class RecordingError(CameraError):
    """A recording in the place of a camera cannot be read; to try again is of no use."""

    exit_code = 65


class OutboxError(KioskError, OSError):
    """The event database cannot be read or written."""

    exit_code = 74


class BrokerError(KioskError, ConnectionError):
    """The MQTT broker cannot be used as configured."""

    exit_code = 69


class MissingExtraError(KioskError, ImportError):
    """An optional dependency is needed and not installed."""

    exit_code = 69
