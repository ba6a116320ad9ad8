"""Encrypt what must not be read from a stolen disk: authenticated, with a key of its own per file.

::

    attendance-kiosk sealed 1
    {"key": "file", "salt": "…"}
    nonce (12 bytes), then the content under ChaCha20-Poly1305 with its tag

The first two lines are authenticated, too. The key is derived from the salt and from a secret:

- "file": the kiosk's key file (:mod:`kiosk.people.keyring`),
- "file and credential": that, together with a credential of systemd, which the disk does not hold,
- "passphrase": what a person has chosen, for a file that travels.

ChaCha20-Poly1305 needs no special instructions of the processor, which a Raspberry Pi 4 lacks.
"""

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from kiosk.decoder import decoder_of
from kiosk.errors import ConfigError, GalleryError
from kiosk.files.bounded_file import read_file

MAGIC: Final = b"attendance-kiosk sealed 1\n"
_HEADER_BYTES_MAX: Final = 200
KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_SALT_BYTES: Final = 16
_PASSPHRASE_BYTES_MAX: Final = 10_000
_SCRYPT: Final = {"n": 2**15, "r": 8, "p": 1}  # 32 MiB, and about 0.1 s

Kind: TypeAlias = Literal["file", "file and credential", "passphrase"]


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: Kind
    salt: str


class KeySource(ABC):
    """Where keys come from."""

    @abstractmethod
    def kind(self) -> Kind:
        """Return which kind of key new files get."""

    @abstractmethod
    def derive(self, kind: Kind, salt: bytes) -> list[bytes]:
        """Return the keys that a file may have, the one for new files first; 32 bytes each.

        Raises:
            GalleryError: There is no key of this kind; the message says how to give it.
        """

    def seal(self, content: bytes, owner_of: Path | None = None) -> bytes:
        """Encrypt the content of a file.

        Args:
            content: What is in it.
            owner_of: Who owns a key file that root makes
                (:func:`kiosk.files.atomic_file.atomic_write`).

        Raises:
            GalleryError: The key cannot be read or made.
        """
        from cryptography.hazmat.primitives.ciphers.aead import (  # noqa: PLC0415 - starts later
            ChaCha20Poly1305,
        )

        self.prepare(owner_of)
        salt = os.urandom(_SALT_BYTES)
        header = MAGIC + msgspec.json.encode(_Header(self.kind(), salt.hex())) + b"\n"
        nonce = os.urandom(_NONCE_BYTES)
        key = self.derive(self.kind(), salt)[0]
        return header + nonce + ChaCha20Poly1305(key).encrypt(nonce, content, header)

    @abstractmethod
    def prepare(self, owner_of: Path | None) -> None:
        """Make the key if there is none."""


@dataclass(frozen=True, slots=True)
class Passphrase(KeySource):
    """A passphrase.

    Attributes:
        text: Its bytes.
    """

    text: bytes

    @classmethod
    def read(cls, path: Path) -> "Passphrase":
        """Read the first line of a file.

        Raises:
            ConfigError: The file cannot be read, or has fewer than 12 characters.
        """
        try:
            text = read_file(path, _PASSPHRASE_BYTES_MAX).split(b"\n", 1)[0].rstrip(b"\r")
        except OSError as exc:
            raise ConfigError(f"--passphrase-file: {path} cannot be read ({exc.strerror})") from exc
        if len(text) < 12:
            raise ConfigError(f"--passphrase-file: {path}: expected 12 characters or more")
        return cls(text)

    def kind(self) -> Kind:
        """Return "passphrase"."""
        return "passphrase"

    def derive(self, kind: Kind, salt: bytes) -> list[bytes]:
        """Return the one key."""
        if kind != "passphrase":
            raise GalleryError(
                "encrypted with the key of a kiosk; make a file for others with"
                " `kiosk gallery export` there"
            )
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt  # noqa: PLC0415 - starts later

        return [Scrypt(salt=salt, length=KEY_BYTES, **_SCRYPT).derive(self.text)]

    def prepare(self, owner_of: Path | None) -> None:
        """Do nothing: a person has made the passphrase."""


def is_sealed(content: bytes) -> bool:
    """Return whether the content of a file is encrypted by this module."""
    return content.startswith(MAGIC)


def unseal(content: bytes, path: Path, keys: KeySource) -> bytes:
    """Return the content of a file, decrypted if it is encrypted.

    Args:
        content: What is in the file.
        path: The file, for messages.
        keys: Where the key comes from.

    Raises:
        GalleryError: There is no key for it, it has another key, or it was changed.
    """
    if not is_sealed(content):
        return content
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - starts later
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # noqa: PLC0415 - slow

    end = content.find(b"\n", len(MAGIC), len(MAGIC) + _HEADER_BYTES_MAX) + 1
    header, nonce, sealed = (
        content[:end],
        content[end:][:_NONCE_BYTES],
        content[end:][_NONCE_BYTES:],
    )
    try:
        stated = decoder_of(_Header).decode(header[len(MAGIC) :])
        salt = bytes.fromhex(stated.salt)
    except (msgspec.DecodeError, ValueError) as exc:
        raise GalleryError(f"{path}: not a complete file; restore a copy") from exc
    try:
        candidates = keys.derive(stated.key, salt)
    except GalleryError as exc:
        raise GalleryError(f"{path}: {exc}") from exc
    for key in candidates:
        try:
            return ChaCha20Poly1305(key).decrypt(nonce, sealed, header)
        except (InvalidTag, ValueError):  # ValueError: a nonce that was cut
            continue
    raise GalleryError(
        f"{path}: cannot be decrypted: it is damaged, or its key is another one; restore a copy"
    )
