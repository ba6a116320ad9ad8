"""People on a kiosk, and where they are."""

from datetime import date
from pathlib import Path

from kiosk.config.keys import Config
from kiosk.config.timetable import ClassSession
from kiosk.erasure.erase import erase_person
from kiosk.erasure.outcome import Erasure
from kiosk.outbox.outbox import Outbox
from kiosk.outbox.rows import DeduplicationKey
from kiosk.people.keyring import Keyring
from kiosk.recognition.gallery import Gallery, save_gallery
from tests.support_recognition import embedding, small_bundle

MODEL = small_bundle().card.model_id
SESSION = ClassSession(date(2026, 11, 24), "maths-7b")
TODAY = date(2026, 11, 25)


def gallery_of(*subjects: str, model_id: str = MODEL) -> Gallery:
    return Gallery(model_id, {s: embedding(i)[None] for i, s in enumerate(subjects)})


def enrolled(config: Config, *subjects: str, model_id: str = MODEL) -> None:
    """Write an encrypted gallery, as `kiosk enrol` does."""
    config.directory.mkdir(exist_ok=True)
    gallery = gallery_of(*subjects, model_id=model_id)
    save_gallery(config.gallery_path, gallery, keys=Keyring.of(config))


def attend(config: Config, *attended: str) -> None:
    """Record people in a class session; their events wait for the register."""
    with Outbox(config.outbox_path) as outbox:
        for who in attended:
            payload = f'{{"subject_id":"{who}","sequence":1}}'.encode()
            key = DeduplicationKey("attendance", SESSION, who)
            outbox.store_once(key, lambda n, p=payload: (f"{n}", "topic", p))  # type: ignore[misc]


def roster(config: Config, text: str) -> Path:
    path = Path(config.state.roster)
    path.write_text(f"subject_id,name\n{text}")
    return path


def erase(config: Config, subject_id: str, **options: bool) -> Erasure:
    """Erase without waiting for a kiosk that does not run."""
    return erase_person(config, subject_id, patience_s=0.5, **options)


def places(erasure: Erasure) -> list[str]:
    """Where the erasure failed."""
    return [failure.place for failure in erasure.failed]


def holding(config: Config, what: str) -> list[str]:
    """The files of the state folder in which a text stands."""
    files = [path for path in config.directory.rglob("*") if path.is_file()]
    return sorted(path.name for path in files if what.encode() in path.read_bytes())
