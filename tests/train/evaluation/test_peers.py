"""Recognisers side by side: evaluated alike, written down whole, drawn."""

import csv
import dataclasses
import math
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from kiosk.contract import COHORT_NEAREST
from kiosk.demo import sample_people
from kiosk.errors import DatasetError, ModelError
from kiosk.recognition.bundle import OperatingPoint
from kiosk.recognition.embed import TfliteEmbedder
from kiosk.recognition.match import Cohort
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image
from tests.support import needs_photos
from tests.support_recognition import small_bundle
from tests.support_train import make_crop_set, see
from train.dataset.crop_set import CropSet, Photo
from train.dataset.sources import Side
from train.evaluation.cohort import PLAIN_COSINE, Embed, RecogniserUnderTest
from train.evaluation.evaluate import GroupRate, Lfw, Report
from train.evaluation.identify import Identification
from train.evaluation.metrics import Rate, TenFold
from train.evaluation.peers import (
    CachedEmbedder,
    bundle_candidate,
    bundle_embedder,
    candidates,
    compare,
    figures,
    load_peers,
    render_reports,
)
from train.evaluation.peers_files import Curve, det_curves, save_det, write_reports

PEERS = Path(__file__).parents[4] / "shared" / "peers"
needs_peers = pytest.mark.skipif(not PEERS.is_dir(), reason=f"{PEERS} is absent: no peers to load")
SIDES: tuple[Side, ...] = ("dev", "test")
PEOPLE, EACH = 10, 5


def colour(who: int) -> int:
    """What tells the people of :func:`crop_set` apart."""
    return 20 + 15 * who


@pytest.fixture(scope="module")
def crop_set(tmp_path_factory: pytest.TempPathFactory) -> CropSet:
    """On each side ten people, four of them in two families; a colour each, five photos each."""
    photos = [
        Photo("families", f"{side}{who}", f"{number}.png", f"{side}{who // 2 if who < 4 else who}")
        for side in SIDES
        for who in range(PEOPLE)
        for number in range(EACH)
    ]
    rng = np.random.default_rng(3)
    crops = rng.integers(0, 5, (len(photos), 128, 128, 3), np.uint8)
    for index, photo in enumerate(photos):
        crops[index, ..., 0] += np.uint8(colour(int(photo.person[-1])))
    folder = tmp_path_factory.mktemp("crops")
    sides = [side for side in SIDES for _ in range(PEOPLE * EACH)]
    CropSet.write(folder, crops, range(len(photos)), photos, sides)
    return CropSet.load(folder)


def perfect(crops: Image) -> Floats:
    """Give each colour a direction of its own."""
    who = (crops[..., 0].mean(axis=(1, 2)) - colour(0)) // 15
    return np.asarray(np.eye(PEOPLE)[who.astype(int)], np.float32)


def blind(crops: Image) -> Floats:
    """Give each crop a direction that has nothing to do with who is on it."""
    seeds = crops[..., 1].astype(np.int64).sum(axis=(1, 2))
    return np.asarray(unit([np.random.default_rng(seed).normal(size=16) for seed in seeds]))


def plain(embed: Embed) -> RecogniserUnderTest:
    return RecogniserUnderTest(embed, PLAIN_COSINE)


def a_report(name: str, *, with_lfw: bool = False) -> Report:
    rate = Rate(0.0123, 0.0101, 0.0199, 900)
    cases = [(size, fpir) for size in (30, 420) for fpir in (0.01, 0.003)]
    return Report(
        name=name,
        operating_points=tuple(OperatingPoint(fpir, size, 0.4, 0.05) for size, fpir in cases),
        development=tuple(Identification(size, 0.4, rate, rate) for size, _ in cases),
        test=tuple(Identification(size, 0.4, rate, Rate(0.25, 0.2, 0.3, 800)) for size, _ in cases),
        cosine=tuple(Identification(size, 0.4, rate, Rate(0.5, 0.4, 0.6, 70)) for size, _ in cases),
        groups=(GroupRate("female, 0-9, Asian", 40, Rate(0.5, 0.4, 0.6, 1560)),),
        relatives=rate,
        lfw=Lfw(TenFold(0.9912, 0.0015, 6000), rate, rate, 1) if with_lfw else None,
    )


def test_recognisers_are_evaluated_alike(crop_set: CropSet) -> None:
    """One report each, in order; who tells people apart misses nobody, who does not misses all."""
    good, bad = compare({"good": plain(perfect), "bad": plain(blind)}, crop_set, None)
    assert (good.name, bad.name) == ("good", "bad")
    assert [item.gallery_size for item in good.test] == [item.gallery_size for item in bad.test]
    assert {item.fnir.value for item in good.test} == {0.0}
    assert min(item.fnir.value for item in bad.test) > 0.8
    assert good.lfw is None


def test_crops_are_embedded_once(crop_set: CropSet) -> None:
    """The report and the curve share embeddings; other crops are embedded anew."""
    calls = 0

    def counted(crops: Image) -> Floats:
        nonlocal calls
        calls += len(crops)
        return perfect(crops)

    embed = CachedEmbedder(counted)
    compare({"ours": plain(embed)}, crop_set, None)
    assert calls == len(crop_set)
    det_curves({"ours": plain(embed)}, crop_set, 3)
    assert calls == len(crop_set)
    other = np.full((1, 112, 112, 3), colour(2), np.uint8)
    assert np.array_equal(embed(other), perfect(other))
    assert calls == len(crop_set) + 1


def test_a_bundle_embeds_as_in_the_kiosk() -> None:
    """Many crops give what the kiosk's embedder gives one by one."""
    bundle = small_bundle()
    one = TfliteEmbedder(bundle)
    expected = np.stack([one.embed(crop) for crop in bundle.golden_crops])
    assert np.array_equal(bundle_embedder(bundle)(bundle.golden_crops), expected)


def test_a_bundle_is_measured_with_its_own_cohort() -> None:
    """What ships is measured: the cohort of the bundle, not one made anew."""
    cohort = unit(np.random.default_rng(3).normal(size=(7, 128)))
    found = bundle_candidate(dataclasses.replace(small_bundle(), cohort=cohort))
    assert np.array_equal(found.cohort.embeddings, cohort)


def test_each_recogniser_gets_a_cohort_of_its_own(tmp_path: Path) -> None:
    """Of the same photos, by its own embeddings, and crops are embedded once for all figures."""
    crops = make_crop_set(tmp_path, {"train": 48, "dev": 2, "test": 2}, each=1)
    found = candidates({"one": see, "other": lambda x: -see(x)}, crops)
    one, other = (candidate.cohort.embeddings for candidate in found.values())
    assert len(one) >= COHORT_NEAREST
    assert np.array_equal(one, -other)


def test_a_curve_is_held_against_the_cohort(crop_set: CropSet) -> None:
    """The same recogniser has another curve with another cohort."""
    crowd = Cohort(blind(np.concatenate([*crop_set.middle(crop_set.on("test"))])))
    plain_one, held = (
        det_curves({"it": RecogniserUnderTest(blind, cohort)}, crop_set, 2)[0]
        for cohort in (PLAIN_COSINE, crowd)
    )
    assert plain_one.fnir != held.fnir


@needs_photos
@needs_peers
def test_the_peers_are_loaded_by_name() -> None:
    """All three embed many crops, with length 1, and tell people of the ORL set apart."""
    embedders = load_peers(PEERS)
    assert list(embedders) == ["sface", "mobilefacenet", "mobilefacenet-int8"]
    crops = np.stack(
        [
            np.asarray(cv2.resize(photo[6:106], (112, 112)), np.uint8)
            for person in ("orl-s08", "orl-s12")
            for photo in sample_people.enrolment_photos(person)[:2]
        ]
    )
    for embed in embedders.values():
        vectors = embed(crops)
        assert vectors.shape == (4, 128)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
        scores = vectors @ vectors.T
        assert min(scores[0, 1], scores[2, 3]) > scores[:2, 2:].max()


def test_an_absent_folder_of_peers_is_named(tmp_path: Path) -> None:
    """The error names the first file that is not there."""
    with pytest.raises(ModelError, match=r"nowhere.MobileFaceNet\.onnx"):
        load_peers(tmp_path / "nowhere")


def test_reports_stand_side_by_side() -> None:
    """Names head the columns, and each figure is one row with a value of every recogniser."""
    text = render_reports([a_report("ours", with_lfw=True), a_report("sface", with_lfw=True)])
    lines = text.splitlines()
    assert lines[0].split() == ["ours", "sface"]
    for label, value in (
        ("LFW, ten folds: accuracy ± standard error", "99.12% ± 0.15%"),
        ("LFW: TAR at FAR 0.1 %", "1.23% (1.01% to 1.99%)"),
        ("420 enrolled, FPIR 0.3 %: FNIR, test", "25.00% (20.00% to 30.00%)"),
        ("420 enrolled, FPIR 0.3 %: FNIR by cosine alone, test", "50.00% (40.00% to 60.00%)"),
        ("30 enrolled, FPIR 1 %: FNIR, development", "1.23% (1.01% to 1.99%)"),
        ("worst group, test: false match rate", "50.00% (40.00% to 60.00%)"),
        ("relatives, test: false match rate", "1.23% (1.01% to 1.99%)"),
    ):
        (row,) = [line for line in lines if line.startswith(label)]
        assert row.count(value) == 2
    assert text.count("female, 0-9, Asian") == 2


def test_columns_stand_apart_whatever_is_in_them() -> None:
    """A long name and a figure of 100 % do not run into the next column."""
    sure = msgspec.structs.replace(a_report("x" * 60), relatives=Rate(1.0, 1.0, 1.0, 9))
    lines = render_reports([sure, sure]).splitlines()
    (row,) = [line for line in lines if line.startswith("relatives")]
    assert row.count("100.00% (100.00% to 100.00%)  ") == 1
    assert lines[0].split() == ["x" * 60] * 2


def test_what_was_not_measured_is_not_a_number() -> None:
    """Without LFW there is no such row; without relatives the table says so."""
    nobody = msgspec.structs.replace(a_report("ours"), relatives=Rate(math.nan, 0, 1, 0), groups=())
    text = render_reports([nobody])
    assert "LFW, ten folds" not in text
    assert text.count("not measured") == 2
    assert "nan" not in text


def test_files_hold_all_figures(tmp_path: Path) -> None:
    """The JSON file gives the reports back; the CSV file has a line for each figure of each."""
    reports = [a_report("ours", with_lfw=True), a_report("sface")]
    write_reports(reports, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "evaluation.csv",
        "evaluation.json",
        "evaluation.txt",
    ]
    written = (tmp_path / "out" / "evaluation.json").read_bytes()
    assert msgspec.json.decode(written, type=list[Report]) == reports
    with (tmp_path / "out" / "evaluation.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(figures(report)) for report in reports)
    first, *_, last = rows
    assert (first["recogniser"], first["value"], first["standard_error"]) == (
        "ours",
        "0.9912",
        "0.0015",
    )
    assert (last["figure"], last["low"], last["n"]) == (
        "relatives, test: false match rate",
        "0.0101",
        "900",
    )


@pytest.mark.parametrize("embed", [perfect, blind])
def test_a_curve_trades_one_error_for_the_other(embed: Embed, crop_set: CropSet) -> None:
    """Along the curve FPIR never falls and FNIR never rises, and both are shares."""
    (curve,) = det_curves({"it": plain(embed)}, crop_set, 2)
    assert (curve.name, curve.gallery_size) == ("it", 2)
    assert (np.diff(curve.fpir) >= 0).all()
    assert (np.diff(curve.fnir) <= 0).all()
    assert 0 <= min(curve.fpir) <= max(curve.fpir) <= 0.3 + 1e-9
    assert 0 <= min(curve.fnir) <= max(curve.fnir) <= 1
    assert (max(curve.fnir) == 0) == (embed is perfect)


def test_a_curve_needs_enough_people(crop_set: CropSet) -> None:
    """Nobody can be enrolled who is not there."""
    with pytest.raises(DatasetError, match="expected 420"):
        det_curves({"it": plain(perfect)}, crop_set, 420)


def test_the_curves_are_drawn(tmp_path: Path) -> None:
    """The plot is a PNG that OpenCV can read, with something on it for each curve."""
    curve = Curve("ours", 420, (0.001, 0.01, 0.1), (0.5, 0.2, 0.1))
    other = msgspec.structs.replace(curve, name="sface", fnir=(0.9, 0.8, 0.3))

    def ink(path: Path) -> int:
        return int(np.count_nonzero(np.asarray(cv2.imread(str(path))) != 255))

    save_det([curve], [a_report("ours")], tmp_path / "one.png")
    save_det([curve, other], [a_report("ours"), a_report("sface")], tmp_path / "two.png")
    assert ink(tmp_path / "two.png") > ink(tmp_path / "one.png") > 0
