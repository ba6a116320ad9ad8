"""DET curves: computed from test people, and drawn."""

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from kiosk.contract import COHORT_NEAREST
from kiosk.errors import DatasetError
from kiosk.recognition.match import Cohort
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image
from tests.support_train import a_report
from train.dataset.crop_set import TARGETS_FILE, CropSet, Photo
from train.dataset.sources import Split
from train.evaluation.det import DetCurve, det_curves, save_det
from train.evaluation.evaluate import evaluate_all
from train.evaluation.recogniser import PLAIN_COSINE, CachedEmbedder, Embed, RecogniserUnderTest
from train.evaluation.walkers import ENROLMENT_PHOTOS

PEERS = Path(__file__).parents[4] / "shared" / "peers"
needs_peers = pytest.mark.skipif(not PEERS.is_dir(), reason=f"{PEERS} is absent: no peers to load")
SPLITS: tuple[Split, ...] = ("dev", "test")
PEOPLE, EACH = 10, 5
FAMILIES = (0, 0, 1, 1, *range(4, PEOPLE))


def colour(who: int) -> int:
    """The colour of each person of :func:`crop_set`."""
    return 20 + 15 * who


@pytest.fixture(scope="module")
def crop_set(tmp_path_factory: pytest.TempPathFactory) -> CropSet:
    """Ten people per split, four of them in two families, with a colour and five photos each."""
    photos = [
        Photo("families", f"{split}{who}", f"{number}.png", f"{split}{family}")
        for split in SPLITS
        for who, family in enumerate(FAMILIES)
        for number in range(EACH)
    ]
    rng = np.random.default_rng(3)
    crops = rng.integers(0, 5, (len(photos), 128, 128, 3), np.uint8)
    for index, photo in enumerate(photos):
        crops[index, ..., 0] += np.uint8(colour(int(photo.person[-1])))
    folder = tmp_path_factory.mktemp("crops")
    splits = [split for split in SPLITS for _ in range(PEOPLE * EACH)]
    CropSet.write(folder, crops, photos, splits)
    (folder / TARGETS_FILE).touch()  # nobody has two names
    return CropSet.load(folder)


def perfect(crops: Image) -> Floats:
    """Return a direction per colour."""
    who = (crops[..., 0].mean(axis=(1, 2)) - colour(0)) // 15
    return np.asarray(np.eye(PEOPLE)[who.astype(int)], np.float32)


def blind(crops: Image) -> Floats:
    """Return a direction per crop that does not depend on the person."""
    seeds = crops[..., 1].astype(np.int64).sum(axis=(1, 2))
    return np.asarray(unit([np.random.default_rng(seed).normal(size=16) for seed in seeds]))


def unsure(crops: Image) -> Floats:
    """Return the person's direction, disturbed for each crop."""
    return np.asarray(unit(perfect(crops) + 0.7 * blind(crops)[:, :PEOPLE]))


def plain(embed: Embed) -> RecogniserUnderTest:
    return RecogniserUnderTest(embed, PLAIN_COSINE)


def test_crops_are_embedded_once(crop_set: CropSet) -> None:
    """The report and the curve share embeddings; only new crops are embedded."""
    calls = 0

    def counted(crops: Image) -> Floats:
        nonlocal calls
        calls += len(crops)
        return perfect(crops)

    embed = CachedEmbedder(counted)
    evaluate_all({"ours": plain(embed)}, crop_set, None)
    mirrored = len(SPLITS) * PEOPLE * ENROLMENT_PHOTOS
    assert calls == len(crop_set) + mirrored
    det_curves({"ours": plain(embed)}, crop_set, 3)
    assert calls == len(crop_set) + mirrored
    other = np.full((1, 112, 112, 3), colour(2), np.uint8)
    assert np.array_equal(embed(other), perfect(other))
    assert calls == len(crop_set) + mirrored + 1


def test_a_curve_depends_on_the_cohort(crop_set: CropSet) -> None:
    """Another cohort gives another curve of the same recogniser."""
    crops = np.concatenate([*crop_set.contract_crops(crop_set.indices_of("dev"))])
    crowd = Cohort(unsure(crops)[:COHORT_NEAREST])
    plain_one, held = (
        det_curves({"it": RecogniserUnderTest(unsure, cohort)}, crop_set, 2)[0]
        for cohort in (PLAIN_COSINE, crowd)
    )
    assert plain_one.fnir != held.fnir


@pytest.mark.parametrize("embed", [perfect, blind])
def test_a_curve_trades_one_error_for_the_other(embed: Embed, crop_set: CropSet) -> None:
    """Along the curve FPIR never decreases and FNIR never increases, and both are shares."""
    (curve,) = det_curves({"it": plain(embed)}, crop_set, 2)
    assert (curve.name, curve.gallery_size) == ("it", 2)
    assert (np.diff(curve.fpir) >= 0).all()
    assert (np.diff(curve.fnir) <= 0).all()
    assert 0 <= min(curve.fpir) <= max(curve.fpir) <= 0.3 + 1e-9
    assert 0 <= min(curve.fnir) <= max(curve.fnir) <= 1
    assert (max(curve.fnir) == 0) == (embed is perfect)


def test_a_curve_needs_enough_people(crop_set: CropSet) -> None:
    """A gallery larger than the number of people is an error."""
    with pytest.raises(DatasetError, match="expected 420"):
        det_curves({"it": plain(perfect)}, crop_set, 420)


def test_the_curves_are_drawn(tmp_path: Path) -> None:
    """The plot is a PNG file, and a second curve adds ink to it."""
    curve = DetCurve("ours", 420, (0.001, 0.01, 0.1), (0.5, 0.2, 0.1))
    other = msgspec.structs.replace(curve, name="sface", fnir=(0.9, 0.8, 0.3))

    def ink(path: Path) -> int:
        return int(np.count_nonzero(np.asarray(cv2.imread(str(path))) != 255))

    save_det([curve], [a_report("ours")], tmp_path / "one.png")
    save_det([curve, other], [a_report("ours"), a_report("sface")], tmp_path / "two.png")
    assert ink(tmp_path / "two.png") > ink(tmp_path / "one.png") > 0
