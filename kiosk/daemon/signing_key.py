"""The kiosk's private key: made at the first start, and kept in the state folder."""

import logging
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from kiosk.config.private_file import warn_of_readers
from kiosk.errors import OutboxError
from kiosk.files.atomic_file import atomic_write
from kiosk.files.bounded_file import read_file

_log = logging.getLogger(__name__)

_BYTES_MAX: Final = 10_000


def signing_key(path: Path) -> Ed25519PrivateKey:
    """Read the key, or make it if it is absent.

    A damaged file is replaced by a new key, and the kiosk goes on recording: the register keeps its
    events, and processes them when a person trusts the new key.

    Raises:
        OutboxError: The file cannot be read or written.
    """
    try:
        pem = read_file(path, _BYTES_MAX)
    except FileNotFoundError:
        return _make(path)
    except OSError as exc:
        raise OutboxError(f"{path}: the signing key cannot be read ({exc.strerror})") from exc
    warn_of_readers("state.directory", path)
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        key = None
    if isinstance(key, Ed25519PrivateKey):
        return key
    _log.error("%s: damaged, and replaced by a new key, which the register does not know", path)
    return _make(path)


def _make(path: Path) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        with atomic_write(path, 0o600, owner_of=path.parent) as partial:
            partial.write_bytes(pem)
    except OSError as exc:
        raise OutboxError(f"{path}: the signing key cannot be written ({exc.strerror})") from exc
    return key
