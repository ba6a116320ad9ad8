"""What the daemon keeps in its state folder: its lock, the outbox and its key."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from kiosk.config.keys import Config
from kiosk.config.private_file import make_directory, warn_of_readers
from kiosk.daemon.signing_key import signing_key
from kiosk.errors import InUseError, OutboxError
from kiosk.files.atomic_file import create_for_owner_of
from kiosk.files.file_lock import file_lock
from kiosk.outbox.outbox import Outbox
from kiosk.outbox.rows import Retention
from kiosk.protocol.sealing import Opener
from kiosk.protocol.signature import Signer, fingerprint
from kiosk.protocol.topics import KioskAddress
from kiosk.service_status import read_status

_log = logging.getLogger(__name__)

_BUSY_S: Final = 2.0
"""How long the frame loop waits for another process that writes to the outbox; the watchdog waits
for 30 s. The event then stays in memory and is tried again."""
_SECOND: Final = (
    "{folder}: {holder} is running on this machine with the same files; stop it first"
    " (the service: sudo systemctl stop kiosk)"
)


def refuse_second(config: Config) -> None:
    """Refuse to start beside a kiosk that runs, before the status of that one is replaced.

    Raises:
        InUseError: A `kiosk run` with the same files is running.
    """
    status = read_status(config)
    if status is not None and status.pid != os.getpid():
        holder = f"`kiosk run` (process {status.pid})"
        raise InUseError(_SECOND.format(folder=config.directory, holder=holder))


@contextmanager
def only_kiosk(config: Config) -> Iterator[None]:
    """Keep a second `kiosk run` from the outbox and the MQTT client id, in the ``with`` block.

    Raises:
        InUseError: Another process has it.
        OutboxError: The lock file cannot be opened.
    """
    warn_of_readers("state.directory", config.directory)
    with file_lock(
        config.directory / ".lock-run",
        "kiosk run",
        busy=_SECOND.format(folder=config.directory, holder="{holder}"),
        error=OutboxError,
        owner_of=config.directory,
    ):
        yield


def open_outbox(config: Config) -> Outbox:
    """Create the folder and the file where they are absent, and open the outbox.

    Raises:
        ConfigError: The folder cannot be created.
        OutboxError: The file cannot be used.
    """
    make_directory(config)
    create_for_owner_of(config.directory, config.outbox_path)
    state = config.state
    retention = Retention(unconfirmed=timedelta(days=state.keep_days), events_max=state.events_max)
    return Outbox(config.outbox_path, retention=retention, busy_s=_BUSY_S)


@dataclass(frozen=True, slots=True)
class KioskKeys:
    """What the kiosk's one key does.

    Attributes:
        signer: Signs what the kiosk says.
        opener: Opens what is sealed for it.
    """

    signer: Signer
    opener: Opener


def read_keys(config: Config) -> KioskKeys:
    """Read or make the kiosk's key; log the fingerprint, which a person compares.

    Raises:
        OutboxError: The key cannot be read or written.
    """
    key = signing_key(config.directory / "signing-key.pem")
    signer = Signer(key, KioskAddress.of(config.kiosk))
    _log.info("events are signed; fingerprint of the key: %s", fingerprint(signer.public_key))
    return KioskKeys(signer, Opener(key))
