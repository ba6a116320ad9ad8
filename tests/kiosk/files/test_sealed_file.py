"""Encrypted files: the key fits or there is one clear error; nothing else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.config.keys import Config, StateSection
from kiosk.errors import ConfigError, GalleryError
from kiosk.files.sealed_file import MAGIC, KeySource, Passphrase, unseal
from kiosk.people.keyring import Keyring

CONTENT = b"templates of s-1" * 40
NAMED = Path("some.npz")


@pytest.fixture
def keys(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "gallery.key")


def test_a_sealed_file_is_read_with_its_key_alone(keys: Keyring, tmp_path: Path) -> None:
    """Nothing of the content is in the file, and another key does not open it."""
    sealed = keys.seal(CONTENT)
    assert CONTENT[:16] not in sealed
    assert keys.seal(CONTENT) != sealed
    assert unseal(sealed, NAMED, keys) == CONTENT
    other = Keyring(tmp_path / "other.key")
    other.seal(b"")
    with pytest.raises(GalleryError, match=r"some\.npz: cannot be decrypted"):
        unseal(sealed, NAMED, other)


def test_no_salt_and_no_nonce_is_used_twice(keys: Keyring) -> None:
    """With one key, two contents under one nonce would tell of each other."""
    headers, nonces = zip(
        *(keys.seal(CONTENT).removeprefix(MAGIC).split(b"\n", 1) for _ in range(8)), strict=True
    )
    assert len(set(headers)) == 8
    assert len({nonce[:12] for nonce in nonces}) == 8


def test_a_plain_file_is_returned_as_it_is(keys: Keyring) -> None:
    """A gallery of an earlier version is read without a key; none is made."""
    assert unseal(CONTENT, NAMED, keys) == CONTENT
    assert not keys.path.exists()


@given(data=st.data())
def test_no_changed_or_cut_file_is_read(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A changed bit and a cut at any place are errors, in header, nonce, content and tag."""
    keys = Keyring(tmp_path_factory.getbasetemp() / "hypothesis.key")
    sealed = bytearray(keys.seal(b"content"))
    mark = len(b"attendance-kiosk sealed 1\n")
    if data.draw(st.booleans()):
        del sealed[data.draw(st.integers(mark, len(sealed) - 1)) :]
    else:
        position = data.draw(st.integers(8 * mark, 8 * len(sealed) - 1))
        sealed[position // 8] ^= 1 << position % 8
    with pytest.raises(GalleryError, match=r"some\.npz: "):
        unseal(bytes(sealed), NAMED, keys)


def test_the_key_file_is_for_its_owner_alone(keys: Keyring) -> None:
    """It is made at first need, with mode 0600 and one secret of 32 bytes."""
    keys.seal(CONTENT)
    assert keys.path.stat().st_mode & 0o777 == 0o600
    assert [len(line) for line in keys.path.read_text().split()] == [64]


def test_both_keys_open_files_while_they_are_written_again(keys: Keyring) -> None:
    """A kill between the two steps loses nothing; afterwards the old key is gone."""
    old = keys.seal(CONTENT)
    keys.add()
    new = keys.seal(CONTENT)
    assert unseal(old, NAMED, keys) == unseal(new, NAMED, keys) == CONTENT
    keys.drop_old()
    assert unseal(new, NAMED, keys) == CONTENT
    with pytest.raises(GalleryError, match="cannot be decrypted"):
        unseal(old, NAMED, keys)


def test_a_credential_is_part_of_the_key(tmp_path: Path) -> None:
    """With systemd's credential, the disk alone opens nothing; files from before stay readable."""
    config = Config(state=StateSection(directory=str(tmp_path)))
    without = Keyring.of(config, {})
    before = without.seal(CONTENT)
    (tmp_path / "kiosk-gallery").write_bytes(b"from the TPM")
    with_it = Keyring.of(config, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    sealed = with_it.seal(CONTENT)
    assert unseal(before, NAMED, with_it) == unseal(sealed, NAMED, with_it) == CONTENT
    with pytest.raises(GalleryError, match="encrypted with the credential kiosk-gallery; set"):
        unseal(sealed, NAMED, without)
    with pytest.raises(GalleryError, match="cannot be decrypted"):
        unseal(sealed, NAMED, Keyring(without.path, b"another"))


def test_the_key_file_can_be_elsewhere(tmp_path: Path) -> None:
    """state.key_file names it; by default it is beside the real gallery."""
    elsewhere = StateSection(directory=str(tmp_path), key_file="/media/stick/key")
    assert Keyring.of(Config(state=elsewhere), {}).path == Path("/media/stick/key")
    (tmp_path / "gallery.npz").symlink_to(tmp_path / "shared" / "faces.npz")
    beside = Config(state=StateSection(directory=str(tmp_path)))
    assert Keyring.of(beside, {}).path == tmp_path / "shared" / "gallery.key"


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("absent", "encrypted, and its key .*gallery.key is absent; restore the key"),
        ("text", "gallery.key: not a key file, expected 64 hexadecimal digits a line"),
        ("short", "gallery.key: not a key file"),
        ("folder", "gallery.key: cannot be read"),
        ("passphrase", "encrypted with the key of a kiosk; make a file for others with"),
    ],
)
def test_a_key_that_cannot_be_used_is_explained(kind: str, says: str, keys: Keyring) -> None:
    """The message names the file of the key and what to do."""
    sealed = keys.seal(CONTENT)
    keys.path.unlink()
    source: KeySource = Passphrase(b"a long passphrase") if kind == "passphrase" else keys
    match kind:
        case "text":
            keys.path.write_bytes(b"\xffkey")
        case "short":
            keys.path.write_text("00ff\n")
        case "folder":
            keys.path.mkdir()
    with pytest.raises(GalleryError, match=says):
        unseal(sealed, NAMED, source)


def test_a_passphrase_opens_what_it_closed(tmp_path: Path, keys: Keyring) -> None:
    """It is the first line of a file; a wrong one, and none, are errors."""
    (tmp_path / "phrase").write_text("correct horse battery\n")
    phrase = Passphrase.read(tmp_path / "phrase")
    sealed = phrase.seal(CONTENT)
    assert unseal(sealed, NAMED, phrase) == CONTENT
    with pytest.raises(GalleryError, match="cannot be decrypted"):
        unseal(sealed, NAMED, Passphrase(b"another passphrase"))
    with pytest.raises(GalleryError, match="give it with --passphrase-file"):
        unseal(sealed, NAMED, keys)


@pytest.mark.parametrize("name", ["absent", "short"])
def test_a_passphrase_file_that_cannot_be_used_is_named(name: str, tmp_path: Path) -> None:
    """An absent file and a passphrase of less than 12 characters are refused."""
    (tmp_path / "short").write_text("secret\n")
    with pytest.raises(ConfigError, match=f"--passphrase-file: {tmp_path / name}"):
        Passphrase.read(tmp_path / name)
