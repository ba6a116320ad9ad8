"""Text that one kiosk alone can read: HPKE (RFC 9180), X25519 with ChaCha20-Poly1305.

A kiosk derives the key from the one that it signs with (HKDF-SHA256), so there is no second file to
keep, and tells the public half in its signed health message. Who reads along at the broker learns
nothing of the text but its length, and that is the same for all short ones.
"""

import base64
import binascii
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kiosk.errors import PayloadError

_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_INFO: Final = b"attendance-kiosk sealed 1"
_BLOCK: Final = 128
"""Texts are filled with spaces to a multiple of so many bytes; readers of JSON ignore them."""


class Opener:
    """Opens what was sealed for one kiosk.

    Args:
        key: The private key that the kiosk signs with.
    """

    def __init__(self, key: Ed25519PrivateKey) -> None:
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive
        self._key = X25519PrivateKey.from_private_bytes(derive(key.private_bytes_raw()))

    @property
    def public_key(self) -> str:
        """What others seal with."""
        return _text(self._key.public_key().public_bytes_raw())

    def open(self, sealed: str) -> bytes:
        """Return the text.

        Raises:
            PayloadError: It was not sealed for this key, or is damaged.
        """
        try:
            raw = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
            return _SUITE.decrypt(raw, self._key, _INFO)
        except (InvalidTag, ValueError, binascii.Error) as exc:
            raise PayloadError("not sealed for the key of this kiosk") from exc


def seal(text: bytes, public_key: str) -> str:
    """Seal a text for the kiosk with this key; the result differs each time.

    Raises:
        PayloadError: This is no public key.
    """
    filled = text.ljust(-(-len(text) // _BLOCK) * _BLOCK)
    try:
        raw = base64.b64decode(public_key + "=", altchars=b"-_", validate=True)
        return _text(_SUITE.encrypt(filled, X25519PublicKey.from_public_bytes(raw), _INFO))
    except (ValueError, binascii.Error) as exc:
        raise PayloadError("not a key to seal with") from exc


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
