"""The receipt of an erasure: what was done and what was not, without naming anybody."""

import json
import os
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kiosk.config.keys import Config
from kiosk.erasure.outcome import Erasure
from kiosk.errors import GalleryError
from kiosk.files.atomic_file import atomic_write, give_to_owner_of


def write_receipt(config: Config, erasure: Erasure, person: str, now: datetime) -> Path:
    """Write a receipt into the folder ``erasures`` of the state folder.

    Args:
        config: Names the folder.
        erasure: What was done.
        person: The keyed hash of the id, as the list of erased people has it.
        now: The time, UTC.

    Raises:
        GalleryError: It cannot be written.
    """
    folder = config.directory / "erasures"
    path = folder / f"{now:%Y%m%dT%H%M%SZ}-{os.urandom(4).hex()}.json"
    try:
        if not folder.exists():
            folder.mkdir(mode=0o750)
            give_to_owner_of(config.directory, folder)
        with atomic_write(path, 0o640, owner_of=config.directory) as partial:
            partial.write_text(json.dumps(_facts(erasure, person, now), indent=2) + "\n")
    except OSError as exc:
        raise GalleryError(f"{path}: cannot be written ({exc.strerror})") from exc
    return path


def _facts(erasure: Erasure, person: str, now: datetime) -> dict[str, Any]:
    """Return the content; reasons stay out, because the text of an error may hold a name."""
    outbox = erasure.outbox
    return {
        "time": now.isoformat(timespec="seconds"),
        "person": person,
        "version": version("attendance-kiosk"),
        "erased": {
            "gallery": int(erasure.gallery),
            "old_galleries": len(erasure.old_galleries),
            "roster": int(erasure.roster),
            "deduplication_keys": outbox.keys,
            "damaged_events": outbox.set_aside,
            "events": outbox.events,
            "places_in_databases_aside": erasure.aside,
        },
        "was_erased_before": erasure.was_erased,
        "new_key": erasure.new_key,
        "running_kiosk": erasure.kiosk,
        "not_erased": [failure.place for failure in erasure.failed],
        "remains": erasure.remains,
    }
