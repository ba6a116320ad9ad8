"""The evaluation report: which people each figure and each threshold comes from."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from kiosk.config.keys import DecisionSection
from kiosk.errors import DatasetError
from kiosk.recognition.card import OperatingPoint
from kiosk.recognition.match import Cohort
from kiosk.records import Floats, Image
from tests.support_recognition import embedding, small_bundle
from tests.support_train import a_report, draw_crop, make_crop_set, see
from train.dataset.crop_set import TARGETS_FILE, CropSet
from train.evaluation.demographics import GroupRate
from train.evaluation.domains import GALLERY_SIZES
from train.evaluation.evaluate import (
    EXTRAPOLATED_SIZES,
    FPIRS,
    Report,
    evaluate,
    evaluate_all,
)
from train.evaluation.evaluate import _gallery_sizes as gallery_sizes
from train.evaluation.evaluate import _with_extrapolated as with_extrapolated
from train.evaluation.lfw import Lfw
from train.evaluation.recogniser import PLAIN_COSINE, RecogniserUnderTest
from train.metrics import Rate, TenFold


@pytest.fixture(scope="module")
def crop_set(tmp_path_factory: pytest.TempPathFactory) -> CropSet:
    return make_crop_set(tmp_path_factory.mktemp("crops"))


def blind(crops: Image) -> Floats:
    """Return a direction per crop that does not depend on the person."""
    sums = crops.astype(np.int64).sum(axis=(1, 2, 3))
    return np.stack([embedding(int(value)) for value in sums])


def test_a_good_recogniser_misses_nobody(crop_set: CropSet) -> None:
    """People who look different are all recognised, at every operating point."""
    report = evaluate("good", RecogniserUnderTest(see, PLAIN_COSINE), crop_set)
    assert report.name == "good"
    assert [point.fpir for point in report.operating_points] == list(FPIRS)
    for found in (*report.development, *report.test):
        assert (found.gallery_size, found.fnir.value) == (2, 0.0)
        assert found.fnir.n == found.fpir.n == 5  # one walk of the two photos left of each person


def test_a_report_has_the_figures_of_plain_cosines(crop_set: CropSet) -> None:
    """A cohort that resembles everybody changes the figures, but not those of plain cosines."""
    vectors = see(np.concatenate([*crop_set.contract_crops(crop_set.indices_of("train"))]))
    plain = evaluate("r", RecogniserUnderTest(see, PLAIN_COSINE), crop_set)
    held = evaluate("r", RecogniserUnderTest(see, Cohort(vectors)), crop_set)
    assert held.cosine == plain.cosine == plain.test
    assert held.operating_points != plain.operating_points


def test_random_embeddings_miss_nearly_everybody(crop_set: CropSet) -> None:
    """Random embeddings miss nearly everybody at thresholds that keep strangers out."""
    report = evaluate("blind", RecogniserUnderTest(blind, PLAIN_COSINE), crop_set)
    for point, found in zip(report.operating_points, report.development, strict=True):
        assert found.fpir.value == pytest.approx(point.fpir, abs=0.01)
        assert found.fnir.value == point.fnir > 0.5


def test_thresholds_come_only_from_development_people(crop_set: CropSet, tmp_path: Path) -> None:
    """Other test people change neither a threshold nor a development figure."""
    crops = np.array(crop_set.crops)
    crops[crop_set.indices_of("test")] = [draw_crop(at, at) for at in crop_set.indices_of("test")]
    CropSet.write(tmp_path, crops, crop_set.photos, crop_set.splits)
    shutil.copy(crop_set.folder / TARGETS_FILE, tmp_path)
    seeing = RecogniserUnderTest(see, PLAIN_COSINE)
    before, after = (evaluate("r", seeing, own) for own in (crop_set, CropSet.load(tmp_path)))
    assert after.operating_points == before.operating_points
    assert after.development == before.development
    assert after.test != before.test


def test_test_people_are_measured_at_the_same_thresholds(crop_set: CropSet) -> None:
    """Development and test figures have equal thresholds, pair by pair."""
    report = evaluate("r", RecogniserUnderTest(see, PLAIN_COSINE), crop_set)
    thresholds = [point.threshold for point in report.operating_points]
    assert [found.threshold for found in report.development] == thresholds
    assert [found.threshold for found in report.test] == thresholds


def test_training_people_are_not_measured(crop_set: CropSet) -> None:
    """Only the held-out crops are embedded, each once, and the mirrored enrolment photos."""
    shown: list[Image] = []

    def record(crops: Image) -> Floats:
        shown.append(crops)
        return see(crops)

    evaluate("r", RecogniserUnderTest(record, PLAIN_COSINE), crop_set)
    held_out = np.concatenate([crop_set.indices_of("dev"), crop_set.indices_of("test")])
    crops = np.concatenate([*crop_set.contract_crops(held_out)])
    known = {one.tobytes(): False for one in crops}
    known |= {np.ascontiguousarray(one[:, ::-1]).tobytes(): True for one in crops}
    mirrored = [known[one.tobytes()] for one in np.concatenate(shown)]
    assert (mirrored.count(False), mirrored.count(True)) == (len(held_out), 2 * 5 * 3)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_both_splits_must_have_people(tmp_path: Path, split: str) -> None:
    """The error names the folder, the split and what to do."""
    other = "test" if split == "dev" else "dev"
    alone = make_crop_set(tmp_path, {"train": 1, other: 4})  # type: ignore[dict-item]  # as above
    with pytest.raises(DatasetError, match=rf"{tmp_path}: the '{split}' split is empty; prepare"):
        evaluate("r", RecogniserUnderTest(see, PLAIN_COSINE), alone)


def test_a_report_can_be_read_back_from_a_card(crop_set: CropSet) -> None:
    """A report survives JSON and the plain values of a model card."""
    alone = evaluate("r", RecogniserUnderTest(see, PLAIN_COSINE), crop_set)
    rate = Rate(0.1, 0.05, 0.2, 90)
    full = msgspec.structs.replace(
        alone,
        relatives=rate,
        groups=(GroupRate("female, 0-9, Asian", 40, rate),),
        lfw=Lfw(TenFold(0.99, 0.001, 6000), rate, rate, 1),
    )
    assert alone.relatives is None
    for report in (alone, full):
        encoded = msgspec.json.encode(report)
        assert msgspec.json.decode(encoded, type=Report) == report
        assert msgspec.convert(msgspec.to_builtins(report), Report) == report


def test_groups_and_relatives_are_measured_at_the_shipped_point(crop_set: CropSet) -> None:
    """The shipped point has the kiosk's default FPIR and the largest gallery."""
    report = evaluate("r", RecogniserUnderTest(blind, PLAIN_COSINE), crop_set)
    assert report.shipped == report.operating_points[-1]
    assert report.shipped.fpir == DecisionSection().fpir
    points = [(0.003, 30), (0.003, 420), (0.01, 420), (0.01, 30)]
    shuffled = tuple(OperatingPoint(fpir, size, 0.4, 0.1) for fpir, size in points)
    assert msgspec.structs.replace(report, operating_points=shuffled).shipped == shuffled[1]


def test_any_gallery_finds_its_threshold() -> None:
    """A gallery uses the point of the next larger measured size, else of the largest."""
    points = tuple(OperatingPoint(fpir, size, 0.4, 0.1) for size in GALLERY_SIZES for fpir in FPIRS)
    card = msgspec.structs.replace(small_bundle().card, operating_points=points)
    for people, size in ((1, 10), (10, 10), (31, 100), (101, 420), (999, 420)):
        for fpir in FPIRS:
            point = card.operating_point(fpir, people)
            assert (point.fpir, point.gallery_size) == (fpir, size)


@pytest.mark.parametrize(
    ("dev", "test", "expected"),
    [
        (500, 421, [10, 30, 100, 420]),
        (420, 500, [10, 30, 100]),
        (31, 31, [10, 30]),
        (30, 300, [10]),
        (10, 300, [5]),
        (2, 3, [1]),
    ],
)
def test_gallery_sizes_fit_both_splits(dev: int, test: int, expected: list[int]) -> None:
    """The usual sizes that leave a stranger in both splits are used, or half of a small set."""
    assert gallery_sizes(dev, test) == expected


def test_two_people_with_four_photos_are_needed() -> None:
    """Three photos enrol a person and a fourth is the walk."""
    for few in (0, 1):
        with pytest.raises(DatasetError, match="fewer than two held-out people have four photos"):
            gallery_sizes(2, few)


@pytest.mark.parametrize("largest", [100, 420])
def test_larger_galleries_are_extrapolated_from_the_largest_usual_size(largest: int) -> None:
    """Sizes 1,000 and 3,000 follow where 420 people were measured, and nowhere else."""
    sizes = [size for size in GALLERY_SIZES if size <= largest]
    found = [(size * times) for size, times in with_extrapolated(sizes)]
    extra = EXTRAPOLATED_SIZES if largest == 420 else ()
    assert found == pytest.approx([*sizes, *extra])


def test_the_shipped_point_is_measured() -> None:
    """Groups and relatives are measured at the largest size that is not extrapolated."""
    report = a_report("r")
    larger = OperatingPoint(0.003, 3000, 0.6, 0.3, extrapolated=True)
    more = msgspec.structs.replace(report, operating_points=(*report.operating_points, larger))
    assert more.shipped == report.shipped


def test_recognisers_are_evaluated_alike(crop_set: CropSet) -> None:
    """There is one report per recogniser, in order, and a better recogniser misses fewer people."""
    good, bad = evaluate_all(
        {
            "good": RecogniserUnderTest(see, PLAIN_COSINE),
            "bad": RecogniserUnderTest(blind, PLAIN_COSINE),
        },
        crop_set,
        None,
    )
    assert (good.name, bad.name) == ("good", "bad")
    assert [item.gallery_size for item in good.test] == [item.gallery_size for item in bad.test]
    assert {item.fnir.value for item in good.test} == {0.0}
    assert min(item.fnir.value for item in bad.test) > 0.8
    assert good.lfw is None
