"""The secrets of a kiosk: a key file, and a credential of systemd where there is one."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kiosk.config.keys import Config
from kiosk.errors import GalleryError
from kiosk.files.atomic_file import atomic_write
from kiosk.files.bounded_file import read_file
from kiosk.files.presence import may_exist
from kiosk.files.sealed_file import KEY_BYTES, MAGIC, KeySource, Kind

CREDENTIAL: Final = "kiosk-gallery"
"""Name of the credential (``LoadCredentialEncrypted=kiosk-gallery:…`` in the unit)."""
_BYTES_MAX: Final = 10_000


def default_path(gallery: Path) -> Path:
    """Return the key file of a gallery file: ``gallery.key`` beside it, links followed."""
    return gallery.resolve().with_name("gallery.key")


@dataclass(frozen=True, slots=True)
class Keyring(KeySource):
    """The key file of a kiosk, and a credential where systemd gives one.

    The key file has one secret a line, in hexadecimal, the one for new files first. There is more
    than one only while their files are written again (:meth:`add`, :meth:`drop_old`).

    Attributes:
        path: The key file.
        credential: The credential; empty without one.
    """

    path: Path
    credential: bytes = b""

    @classmethod
    def of(cls, config: Config, environment: Mapping[str, str] = os.environ) -> "Keyring":
        """Return the keyring of a configuration.

        The key file is that of the section ``state``, or the default (:func:`default_path`).

        Raises:
            GalleryError: The credential cannot be read.
        """
        named = config.state.key_file
        path = Path(named) if named else default_path(config.gallery_path)
        folder = environment.get("CREDENTIALS_DIRECTORY", "")
        credential = Path(folder) / CREDENTIAL
        if not folder or not may_exist(credential):
            return cls(path)
        try:
            return cls(path, read_file(credential, _BYTES_MAX))
        except OSError as exc:
            raise GalleryError(f"{credential}: cannot be read ({exc.strerror})") from exc

    def kind(self) -> Kind:
        """Return "file", or "file and credential" where there is one."""
        return "file and credential" if self.credential else "file"

    def derive(self, kind: Kind, salt: bytes) -> list[bytes]:
        """Return a key for each secret of the key file."""
        if kind == "passphrase":
            raise GalleryError("encrypted with a passphrase; give it with --passphrase-file")
        if kind == "file and credential" and not self.credential:
            raise GalleryError(
                f"encrypted with the credential {CREDENTIAL}; set CREDENTIALS_DIRECTORY, while"
                " the service runs to /run/credentials/kiosk.service"
            )
        secrets = self._secrets()
        if not secrets:
            raise GalleryError(f"encrypted, and its key {self.path} is absent; restore the key")
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - starts later
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - slow to load

        more = self.credential if kind == "file and credential" else b""
        return [HKDF(SHA256(), KEY_BYTES, salt, MAGIC).derive(one + more) for one in secrets]

    def prepare(self, owner_of: Path | None) -> None:
        """Make the key file if there is none."""
        if not self._secrets():
            self._write([os.urandom(KEY_BYTES)], owner_of)

    def add(self, owner_of: Path | None = None) -> None:
        """Put a new secret in front: new files get it, old ones can still be read.

        Raises:
            GalleryError: The key file cannot be read or written.
        """
        self._write([os.urandom(KEY_BYTES), *self._secrets()], owner_of)

    def drop_old(self, owner_of: Path | None = None) -> None:
        """Keep the newest secret alone: what was not written again can never be read.

        Raises:
            GalleryError: The key file cannot be read or written.
        """
        self._write(self._secrets()[:1], owner_of)

    def _secrets(self) -> list[bytes]:
        """Read the key file; return nothing where there is none."""
        try:
            lines = read_file(self.path, _BYTES_MAX).decode("ascii").split()
            secrets = [bytes.fromhex(line) for line in lines]
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise GalleryError(f"{self.path}: cannot be read ({exc.strerror})") from exc
        except ValueError:
            secrets = [b""]
        if not secrets or any(len(one) != KEY_BYTES for one in secrets):
            raise GalleryError(
                f"{self.path}: not a key file, expected 64 hexadecimal digits a line"
            )
        return secrets

    def _write(self, secrets: list[bytes], owner_of: Path | None) -> None:
        text = "".join(f"{one.hex()}\n" for one in secrets)
        try:
            with atomic_write(self.path, 0o600, owner_of=owner_of, wipe=True) as partial:
                partial.write_text(text, encoding="ascii")
        except OSError as exc:
            raise GalleryError(f"{self.path}: cannot be written ({exc.strerror})") from exc
