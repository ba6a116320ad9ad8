"""The daemon's parts, as the configuration and the model card determine them."""

import dataclasses
import os
from contextlib import ExitStack
from pathlib import Path

import msgspec
import numpy as np
import pytest

from kiosk.config.keys import load_config
from kiosk.config.private_file import make_directory
from kiosk.contract import COHORT_NEAREST, COHORT_WEIGHT, EMBEDDING_DIM
from kiosk.daemon import wiring
from kiosk.daemon.wiring import build_daemon
from kiosk.errors import ConfigError, InUseError, ModelError, OutboxError, PhotoError
from kiosk.mqtt.connection import Connection
from kiosk.recognition.bundle import write_bundle
from kiosk.recognition.card import OperatingPoint
from kiosk.recognition.gallery import Gallery, save_gallery
from kiosk.recognition.recogniser import Recogniser, build_recogniser
from kiosk.recognition.vectors import unit
from kiosk.records import Floats
from kiosk.service_status import ServiceStatus, pid_start, write_status
from tests.conftest import Configure
from tests.support import write_config
from tests.support_recognition import THRESHOLD, embedding, small_bundle


def recogniser(folder: Path, bundle: Path, decision: str = "") -> Recogniser:
    return build_recogniser(load_config(write_config(folder, bundle, f"[decision]\n{decision}")))


@pytest.mark.parametrize(
    ("decision", "size", "threshold", "unsure"),
    [
        ("", 0, THRESHOLD, THRESHOLD - 0.05),
        ("", 10, THRESHOLD, THRESHOLD - 0.05),
        ("", 11, THRESHOLD + 0.01, THRESHOLD - 0.05),
        ("fpir = 0.01", 5, THRESHOLD - 0.05, THRESHOLD - 0.05),
        ("threshold = 0.5", 5, 0.5, 0.5),
        ("threshold = 0.9\nunsure_threshold = 0.3", 5, 0.9, 0.3),
        ("unsure_threshold = 0.3", 5, THRESHOLD, 0.3),
    ],
)
def test_thresholds_come_from_the_card_unless_configured(
    decision: str, size: int, threshold: float, unsure: float, bundle_path: Path, tmp_path: Path
) -> None:
    """The card's for FPIR and gallery size, unsure its lowest; a configured value wins."""
    rule = recogniser(tmp_path, bundle_path, decision).rule(size)
    assert (rule.threshold, rule.unsure_threshold) == pytest.approx((threshold, unsure))


def test_all_other_limits_of_the_rule_are_configured(bundle_path: Path, tmp_path: Path) -> None:
    """Each key of the configuration is one limit of the decision."""
    decision = "margin_min = 0.11\nvotes_min = 4\nagreement_min = 0.7\nalike_min = 0.3"
    rule = recogniser(tmp_path, bundle_path, decision).rule(5)
    assert (rule.margin_min, rule.votes_min) == (0.11, 4)
    assert (rule.agreement_min, rule.alike_min) == (0.7, 0.3)


@pytest.mark.parametrize(
    ("decision", "error", "says"),
    [
        ("fpir = 0.5", ConfigError, r"decision\.fpir: 0\.5 is not on the model card"),
        ("unsure_threshold = 0.9", ConfigError, r"decision\.unsure_threshold: expected at most 0"),
    ],
)
def test_an_impossible_rule_is_named(
    decision: str, error: type[Exception], says: str, bundle_path: Path, tmp_path: Path
) -> None:
    """An unmeasured FPIR, or a threshold that contradicts the card, is an error with its key."""
    with pytest.raises(error, match=says):
        recogniser(tmp_path, bundle_path, decision).rule(5)


def test_enrolment_uses_the_thresholds_of_the_door(bundle_path: Path, tmp_path: Path) -> None:
    """Photos of one person must reach the unsure threshold; two people must stay below known."""
    one = recogniser(tmp_path, bundle_path)
    enroller = one.enroller(11)
    rule = one.rule(11)
    assert (enroller.same_min, enroller.near_min) == (rule.unsure_threshold, rule.threshold)
    assert enroller.limits is one.config.quality


def crowd(direction: Floats) -> Floats:
    """A cohort of embeddings near one direction, in the bundle's precision."""
    noise = np.random.default_rng(9).normal(size=(COHORT_NEAREST, EMBEDDING_DIM))
    return unit(direction + 0.02 * noise).astype(np.float16).astype(np.float32)


def test_scores_are_normalised_by_the_cohort_of_the_bundle(tmp_path: Path) -> None:
    """At the door and at enrolment, a person who resembles the cohort scores lower than others."""
    write_bundle(
        tmp_path / "b.kiosk-model",
        dataclasses.replace(small_bundle(), cohort=crowd(embedding(1))),
    )
    one = recogniser(tmp_path, tmp_path / "b.kiosk-model")
    faces = np.stack([embedding(1), embedding(2)])
    gallery = Gallery("m", {"s-1": faces[:1], "s-2": faces[1:]})
    common, rare = np.diag(one.matcher(gallery)[0].scores(faces))
    assert common < 1.05 - COHORT_WEIGHT  # it lies at a cosine of almost 1 to the whole cohort
    assert rare > 0.9
    # Two pictures of the common face are no longer alike enough, two of the rare one are.
    twice = [[("1", face), ("2", face)] for face in faces]
    assert one.enroller(2)._without_other_people(twice[1])[1] == []
    with pytest.raises(PhotoError, match="do not look like one person"):
        one.enroller(2)._without_other_people(twice[0])
    assert one.enroller(2).near(faces[:1], gallery) == ()
    assert recogniser(tmp_path, tmp_path / "b.kiosk-model", "threshold = 0.8").enroller(2).near(
        faces[1:], gallery
    ) == ("s-2",)


def test_a_gallery_larger_than_measured_is_logged(
    bundle_path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Above the card's largest gallery size, one line says that its FPIR no longer applies."""
    one = recogniser(tmp_path, bundle_path)
    one.matcher(Gallery("m", {f"s-{i}": embedding(i)[None] for i in range(100)}))
    assert caplog.messages == []
    one.matcher(Gallery("m", {f"s-{i}": embedding(i)[None] for i in range(101)}))
    (message,) = caplog.messages
    assert message.startswith("101 people enrolled, thresholds for at most 100: the FPIR")


def test_an_extrapolated_threshold_is_logged(
    bundle_path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A gallery larger than those measured, for which the card has a threshold, is one line."""
    one = recogniser(tmp_path, bundle_path)
    larger = OperatingPoint(0.003, 300, 0.9, 0.6, extrapolated=True)
    card = one.bundle.card
    points = (*card.operating_points, larger)
    card = msgspec.structs.replace(card, operating_points=points)
    one = dataclasses.replace(one, bundle=dataclasses.replace(one.bundle, card=card))
    caplog.set_level("INFO")
    _, rule = one.matcher(Gallery("m", {f"s-{i}": embedding(i)[None] for i in range(101)}))
    assert caplog.messages == ["101 people enrolled: their threshold is extrapolated"]
    assert rule.threshold == 0.9


def test_a_folder_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    """A state directory below a file is an error that names the key and the folder."""
    config = load_config(write_config(tmp_path, tmp_path))
    (tmp_path / "state").touch()
    with pytest.raises(ConfigError, match=rf"state\.directory: {tmp_path}/state cannot be made"):
        make_directory(config)


@pytest.mark.parametrize(
    ("damage", "error"),
    [("model", ModelError), ("outbox", OutboxError)],
)
def test_no_broker_is_started_when_a_file_is_bad(
    damage: str,
    error: type[Exception],
    bundle_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Files are read before anything is started, so a bad one leaves nothing to stop."""
    state = tmp_path / "state"
    state.mkdir()
    files = {
        "model": tmp_path / "copy.kiosk-model",
        "outbox": state / "outbox.sqlite3",
    }
    files["model"].write_bytes(bundle_path.read_bytes())
    people = {"s-1": embedding(1)[None]}
    save_gallery(state / "gallery.npz", Gallery(small_bundle().card.model_id, people))
    files[damage].write_text("damaged")
    monkeypatch.setattr(wiring, "EmbeddedBroker", lambda _: pytest.fail("a broker was started"))
    with ExitStack() as stack, pytest.raises(error, match=str(files[damage])):
        build_daemon(load_config(write_config(tmp_path, files["model"])), stack)


def test_a_second_kiosk_on_the_same_files_is_refused(configure: Configure) -> None:
    """`kiosk run` by hand beside the service says who is running, and ends with 75."""
    config = configure('[mqtt]\nhost = "127.0.0.1"\n')
    gallery = Gallery(small_bundle().card.model_id, {"s-1": embedding(1)[None]})
    with ExitStack() as stack, ExitStack() as second:
        build_daemon(config, stack, gallery=gallery)
        with pytest.raises(InUseError, match=rf"`kiosk run` \(process {os.getpid()}\) is running"):
            build_daemon(config, second, gallery=gallery)
        assert InUseError.exit_code == 75


def test_a_refused_kiosk_leaves_the_status_of_the_other_one(configure: Configure) -> None:
    """`kiosk status` and `kiosk reload` go on finding the one that runs."""
    config = configure('[mqtt]\nhost = "127.0.0.1"\n')
    other, path = os.getppid(), config.directory / "status.json"
    make_directory(config)
    running = ServiceStatus(
        directory=str(config.directory),
        pid=other,
        pid_start=pid_start(other),
        started_s=0.0,
        written_s=0.0,
        version="1",
    )
    write_status(path, running)
    before = path.read_bytes()
    with ExitStack() as stack, pytest.raises(InUseError, match=rf"\(process {other}\) is running"):
        build_daemon(config, stack)
    assert path.read_bytes() == before


def test_home_assistant_is_told_of_the_kiosk_until_that_is_switched_off(
    bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing by default; one retained message; and an empty one that removes the device."""
    announced: list[tuple[str, bool]] = []
    monkeypatch.setattr(
        Connection, "announce", lambda _, one: announced.append((one.topic, bool(one.payload)))
    )
    for prefix, expected in (("", []), ("ha", [True]), ("ha", [True]), ("", [False])):
        broker = f'[mqtt]\nhost = "localhost"\nhomeassistant_prefix = "{prefix}"\n'
        announced.clear()
        with ExitStack() as stack:
            build_daemon(load_config(write_config(tmp_path, bundle_path, broker)), stack)
        told = [has for topic, has in announced if topic.startswith("ha/device/kiosk-")]
        assert told == expected
