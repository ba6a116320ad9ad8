"""Tell Home Assistant of the kiosk, and take it back when that is switched off."""

import logging
from collections.abc import Iterator
from typing import Final

from kiosk.config.keys import Config
from kiosk.files.atomic_file import atomic_write
from kiosk.files.bounded_file import read_file
from kiosk.mqtt.announcements import Announcement
from kiosk.protocol.homeassistant import discovery_topic, encode_discovery
from kiosk.protocol.topics import KioskAddress

_log = logging.getLogger(__name__)
_FILE: Final = "homeassistant-topic"
"""In the kiosk's folder: the topic of the last announcement, which the broker keeps."""
_BYTES_MAX: Final = 10_000


def announced_topic(config: Config) -> str:
    """Return the topic of the last announcement, or "" if there is none or it cannot be read."""
    path = config.directory / _FILE
    try:
        return read_file(path, _BYTES_MAX).decode().strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as exc:
        _log.warning("%s: cannot be used (%s); an old announcement may stay", path, exc)
        return ""


def discovery(config: Config, address: KioskAddress, version: str) -> Iterator[Announcement]:
    """Return what must be announced: the kiosk, and an empty message where it stood before.

    Args:
        config: The configuration.
        address: The kiosk.
        version: Version of its software.
    """
    path = config.directory / _FILE
    prefix = config.mqtt.homeassistant_prefix
    topic = discovery_topic(prefix, address) if prefix else ""
    former = announced_topic(config)
    if topic and former != topic:
        try:
            with atomic_write(path) as partial:
                partial.write_text(f"{topic}\n")
        except OSError as exc:
            _log.warning("%s: cannot be written (%s); an announcement may stay", path, exc)
    # It is taken back at each start while that is switched off: the broker may have been away.
    if former not in {"", topic}:
        yield Announcement(former, b"")
    if topic:
        yield Announcement(topic, encode_discovery(address, version))
