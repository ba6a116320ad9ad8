"""Files that are no files, or too large: one error each, and no wait."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from kiosk.camera.replay import open_recording
from kiosk.config.keys import Config, StateSection, load_config
from kiosk.config.mqtt import MqttSection
from kiosk.config.toml_text import BYTES_MAX
from kiosk.daemon.home_assistant import announced_topic
from kiosk.daemon.signing_key import signing_key
from kiosk.errors import KioskError, UnusableFileError
from kiosk.files import bounded_file
from kiosk.files.atomic_file import atomic_write
from kiosk.files.bounded_file import read_file, size_text
from kiosk.files.csv_table import CSV_BYTES_MAX
from kiosk.files.sealed_file import Passphrase
from kiosk.mqtt.client import read_password
from kiosk.mqtt.tls import tls_context
from kiosk.outbox.last import LastNumber
from kiosk.people.erased import load_erased
from kiosk.people.keyring import Keyring
from kiosk.people.roster import load_roster
from kiosk.recognition.bundle import BUNDLE_BYTES_MAX, load_bundle
from kiosk.recognition.gallery import GALLERY_BYTES_MAX, load_gallery
from kiosk.recognition.model_trial import WEIGHTS_BYTES_MAX, try_detector
from kiosk.recognition.photo import PHOTO_BYTES_MAX, read_photo
from kiosk.register.commands.lists import read_list

READERS: dict[str, tuple[Callable[[Path], object], int]] = {
    "configuration": (load_config, BYTES_MAX),
    "roster": (load_roster, CSV_BYTES_MAX),
    "list of the register": (lambda path: read_list(path, ["a"], ["a"]), CSV_BYTES_MAX),
    "gallery": (load_gallery, GALLERY_BYTES_MAX),
    "bundle": (load_bundle, BUNDLE_BYTES_MAX),
    "detector weights": (try_detector, WEIGHTS_BYTES_MAX),
    "photo": (read_photo, PHOTO_BYTES_MAX),
    "passphrase": (Passphrase.read, 10_000),
    "key of the gallery": (lambda path: Keyring(path).derive("file", b"salt"), 10_000),
    "signing key": (signing_key, 10_000),
    "authority": (lambda path: tls_context(MqttSection(ca_file=str(path))), 10_000_000),
    "password": (lambda path: read_password(MqttSection(password_file=str(path))), 65_535),
}


def make_pipe(path: Path, _limit: int) -> None:
    os.mkfifo(path)


def make_folder(path: Path, _limit: int) -> None:
    path.mkdir()


def make_socket(path: Path, _limit: int) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def make_device(path: Path, _limit: int) -> None:
    path.symlink_to("/dev/zero")


def make_large(path: Path, limit: int) -> None:
    with path.open("wb") as file:
        file.truncate(limit + 1)  # sparse: it takes no space


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (make_pipe, "a pipe, expected a file"),
        (make_folder, "a folder, expected a file"),
        (make_socket, "(No such device or address|a socket, expected a file)"),
        (make_device, "a device, expected a file"),
        (make_large, "larger than"),
    ],
)
def test_what_is_no_usable_file_is_one_error(
    tmp_path: Path, reader: str, make: Callable[[Path, int], None], reason: str
) -> None:
    """Every reader names the path and the reason; it neither waits nor reads without an end."""
    read, limit = READERS[reader]
    path = tmp_path / "x"
    make(path, limit)
    with pytest.raises(KioskError, match=rf"{path}.*{reason}"):
        read(path)


@pytest.mark.parametrize("reader", READERS)
def test_a_name_with_a_nul_byte_is_one_error(reader: str) -> None:
    """A path out of a configuration can hold any character."""
    with pytest.raises(KioskError, match="a NUL byte in its name"):
        READERS[reader][0](Path("a\0b"))


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("erased.json", lambda folder: load_erased(in_folder(folder))),
        ("1.jpg", lambda folder: next(open_recording(folder, fps=1.0))),
    ],
)
def test_what_is_found_in_a_folder_is_guarded_too(
    tmp_path: Path, name: str, read: Callable[[Path], object]
) -> None:
    """A file that no option names may be a pipe as well."""
    os.mkfifo(tmp_path / name)
    with pytest.raises(KioskError, match=rf"{name}: cannot be read \(a pipe, expected a file"):
        read(tmp_path)


def test_what_only_helps_may_be_absent(tmp_path: Path) -> None:
    """A pipe in place of the last number, or of the last announcement, stops no kiosk."""
    os.mkfifo(tmp_path / "outbox-last")
    os.mkfifo(tmp_path / "homeassistant-topic")
    assert LastNumber(tmp_path / "outbox").read() is None
    assert announced_topic(in_folder(tmp_path)) == ""


def in_folder(folder: Path) -> Config:
    return Config(state=StateSection(directory=str(folder)))


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    """The limit itself is allowed, and one byte more is not."""
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert read_file(path, 5) == b"12345"
    with pytest.raises(UnusableFileError) as caught:
        read_file(path, 4)
    assert caught.value.strerror == "larger than 4 bytes"


def test_a_file_that_tells_no_size_is_read_up_to_the_limit() -> None:
    """Files of /proc say that they are empty."""
    path = Path("/proc/self/status")
    assert b"Pid:" in read_file(path, 100_000)
    with pytest.raises(UnusableFileError, match="larger than"):
        read_file(path, 10)


@pytest.mark.parametrize(
    ("size", "text"),
    [(9, "9 bytes"), (128_000, "128 kB"), (16_000_000, "16 MB"), (2_100_000_000, "2.1 GB")],
)
def test_a_size_is_said_in_the_unit_that_fits(size: int, text: str) -> None:
    """Messages say 16 MB and not 16000000."""
    assert size_text(size) == text


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its old content is overwritten; a reader gets the new content, and no zeros."""
    path = tmp_path / "roster.csv"
    path.write_bytes(b"old")
    contents = [b"newer", b"newest"]
    read = bounded_file._read

    def read_late(descriptor: int, count: int) -> bytes:
        if contents:
            with atomic_write(path, wipe=True) as partial:
                partial.write_bytes(contents.pop(0))
        return read(descriptor, count)

    monkeypatch.setattr(bounded_file, "_read", read_late)
    assert read_file(path, 100) == b"newest"


def test_a_file_without_a_name_is_read(tmp_path: Path) -> None:
    """A shell gives a here-document as such a file."""
    path = tmp_path / "document"
    path.write_bytes(b"text")
    with path.open("rb") as opened:
        path.unlink()
        assert read_file(Path(f"/proc/self/fd/{opened.fileno()}"), 100) == b"text"
