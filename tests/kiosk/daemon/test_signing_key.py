"""The key with which a kiosk signs its events."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.daemon.signing_key import signing_key
from kiosk.errors import OutboxError


def raw(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes_raw()


def test_the_key_is_made_once(tmp_path: Path) -> None:
    """Later starts read it; nobody else can."""
    path = tmp_path / "signing-key.pem"
    first = signing_key(path)
    assert raw(signing_key(path)) == raw(first)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"damaged", b"\x00" * 200])
def test_a_damaged_key_is_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    """The kiosk goes on, and says that the register does not know the new key."""
    path = tmp_path / "signing-key.pem"
    path.write_bytes(content)
    key = signing_key(path)
    assert "signing-key.pem: damaged, and replaced by a new key" in caplog.text
    assert raw(signing_key(path)) == raw(key)


def test_a_key_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    """A folder in its place, and an absent folder."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutboxError, match=r"folder: the signing key cannot be read \(a folder"):
        signing_key(tmp_path / "folder")
    with pytest.raises(OutboxError, match=r"key: the signing key cannot be written \(No such"):
        signing_key(tmp_path / "absent" / "key")
