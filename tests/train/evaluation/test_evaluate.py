"""The evaluation report: what is measured on whom, and where thresholds come from."""

import zipfile
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from kiosk.config import DecisionSection
from kiosk.errors import DatasetError
from kiosk.recognition.align import align
from kiosk.recognition.bundle import OperatingPoint
from kiosk.recognition.detect import Detector
from kiosk.recognition.match import Cohort
from kiosk.recognition.photo import decode_photo, find_single_face, read_photo
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image
from tests.support import needs_photos
from tests.support_recognition import embedding, small_bundle
from tests.support_train import draw_crop, make_crop_set, orl_photo, see
from train.dataset.crop_set import CropSet, Photo
from train.evaluation.cohort import PLAIN_COSINE, RecogniserUnderTest
from train.evaluation.evaluate import (
    AGE_BANDS,
    FPIRS,
    GALLERY_SIZES,
    GroupRate,
    Lfw,
    Report,
    between_relatives,
    by_group,
    evaluate,
    evaluate_lfw,
    utkface_group,
)
from train.evaluation.evaluate import _sizes as sizes
from train.evaluation.lfw import read_pairs
from train.evaluation.metrics import Rate, TenFold


@pytest.fixture(scope="module")
def crop_set(tmp_path_factory: pytest.TempPathFactory) -> CropSet:
    return make_crop_set(tmp_path_factory.mktemp("crops"))


def blind(crops: Image) -> Floats:
    """Give each crop a direction that has nothing to do with who is on it."""
    sums = crops.astype(np.int64).sum(axis=(1, 2, 3))
    return np.stack([embedding(int(value)) for value in sums])


def test_a_good_recogniser_misses_nobody(crop_set: CropSet) -> None:
    """People drawn apart are all known again, at every operating point, drawn ten times."""
    report = evaluate("good", RecogniserUnderTest(see, PLAIN_COSINE), crop_set)
    assert report.name == "good"
    assert [point.fpir for point in report.operating_points] == list(FPIRS)
    for found in (*report.development, *report.test):
        assert (found.gallery_size, found.fnir.value) == (2, 0.0)
        assert found.fnir.n == 10 * 2 * 2  # drawings, people, photos left for probes
        assert found.fpir.n == 10 * 3 * 5


def test_a_report_says_what_cosines_alone_would_give(crop_set: CropSet) -> None:
    """A cohort that looks like everybody changes the figures, but not those of the cosine."""
    vectors = see(np.concatenate([*crop_set.middle(crop_set.on("train"))]))
    plain = evaluate("r", RecogniserUnderTest(see, PLAIN_COSINE), crop_set)
    held = evaluate("r", RecogniserUnderTest(see, Cohort(vectors)), crop_set)
    assert held.cosine == plain.cosine == plain.test
    assert held.operating_points != plain.operating_points


def test_a_blind_recogniser_is_found_out(crop_set: CropSet) -> None:
    """Who sees nothing misses nearly everybody at thresholds that keep strangers out."""
    report = evaluate("blind", RecogniserUnderTest(blind, PLAIN_COSINE), crop_set)
    for point, found in zip(report.operating_points, report.development, strict=True):
        assert found.fpir.value <= point.fpir
        assert found.fnir.value == point.fnir > 0.5


def test_thresholds_come_from_development_people_alone(crop_set: CropSet, tmp_path: Path) -> None:
    """Other test people change no threshold and no development figure."""
    crops = np.array(crop_set.crops)
    crops[crop_set.on("test")] = [draw_crop(at, at) for at in crop_set.on("test")]
    CropSet.write(tmp_path, crops, range(len(crops)), crop_set.photos, crop_set.sides)
    seeing = RecogniserUnderTest(see, PLAIN_COSINE)
    before, after = (evaluate("r", seeing, own) for own in (crop_set, CropSet.load(tmp_path)))
    assert after.operating_points == before.operating_points
    assert after.development == before.development
    assert after.test != before.test


def test_test_people_are_held_against_the_same_thresholds(crop_set: CropSet) -> None:
    """The thresholds on the two sides are equal, pair by pair."""
    report = evaluate("r", RecogniserUnderTest(see, PLAIN_COSINE), crop_set)
    thresholds = [point.threshold for point in report.operating_points]
    assert [found.threshold for found in report.development] == thresholds
    assert [found.threshold for found in report.test] == thresholds


def test_training_people_are_not_measured(crop_set: CropSet) -> None:
    """The recogniser is shown the held-out crops alone, each once."""
    shown: list[Image] = []

    def record(crops: Image) -> Floats:
        shown.append(crops)
        return see(crops)

    evaluate("r", RecogniserUnderTest(record, PLAIN_COSINE), crop_set)
    held_out = np.concatenate([crop_set.on("dev"), crop_set.on("test")])
    assert np.array_equal(np.concatenate(shown), np.concatenate([*crop_set.middle(held_out)]))


@pytest.mark.parametrize("side", ["dev", "test"])
def test_both_sides_must_hold_somebody(tmp_path: Path, side: str) -> None:
    """The error names the folder, the side and what to do."""
    other = "test" if side == "dev" else "dev"
    alone = make_crop_set(tmp_path, {"train": 1, other: 4})  # type: ignore[dict-item]  # as above
    with pytest.raises(DatasetError, match=rf"{tmp_path}: nobody on side '{side}'; prepare"):
        evaluate("r", RecogniserUnderTest(see, PLAIN_COSINE), alone)


def test_a_card_can_be_read_back(crop_set: CropSet) -> None:
    """The report comes out of JSON, and of a card's plain values, as it went in."""
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
    """It is the kiosk's default FPIR at the largest gallery, in whatever order points stand."""
    report = evaluate("r", RecogniserUnderTest(blind, PLAIN_COSINE), crop_set)
    assert report.shipped == report.operating_points[-1]
    assert report.shipped.fpir == DecisionSection().fpir
    points = [(0.003, 30), (0.003, 420), (0.01, 420), (0.01, 30)]
    shuffled = tuple(OperatingPoint(fpir, size, 0.4, 0.1) for fpir, size in points)
    assert msgspec.structs.replace(report, operating_points=shuffled).shipped == shuffled[1]


def test_any_gallery_finds_its_threshold() -> None:
    """A gallery of any size takes the point of the next larger size measured, else the largest."""
    points = tuple(OperatingPoint(fpir, size, 0.4, 0.1) for size in GALLERY_SIZES for fpir in FPIRS)
    card = msgspec.structs.replace(small_bundle().card, operating_points=points)
    for people, size in ((1, 10), (10, 10), (31, 100), (101, 420), (999, 420)):
        for fpir in FPIRS:
            point = card.operating_point(fpir, people)
            assert (point.fpir, point.gallery_size) == (fpir, size)


def photos_of(people: int, each: int) -> list[Photo]:
    return [
        Photo("s", f"p{who}", f"{number}.jpg", f"s/p{who}")
        for who in range(people)
        for number in range(each)
    ]


@pytest.mark.parametrize(
    ("dev", "test", "expected"),
    [
        ((500, 4), (421, 4), [10, 30, 100, 420]),
        ((420, 4), (500, 9), [10, 30, 100]),
        ((31, 4), (31, 4), [10, 30]),
        ((30, 4), (300, 4), [10]),
        ((10, 4), (300, 4), [5]),
        ((2, 4), (3, 5), [1]),
    ],
)
def test_gallery_sizes_fit_both_sides(
    dev: tuple[int, int], test: tuple[int, int], expected: list[int]
) -> None:
    """The usual sizes that leave a stranger on both sides, or half of a small set."""
    assert sizes(photos_of(*dev), photos_of(*test)) == expected


def test_two_people_with_four_photos_are_needed() -> None:
    """Three photos enrol and a fourth is the probe; of photos of nobody named none counts."""
    nobody = [Photo("s", "", f"{number}.jpg", f"s/{number}.jpg") for number in range(9)]
    enough = photos_of(2, 4)
    for few in ([*photos_of(9, 3), *nobody], photos_of(1, 9)):
        with pytest.raises(DatasetError, match="fewer than two held-out people have four photos"):
            sizes(enough, few)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("26_1_2_20170116.jpg", "female, 20-39, Asian"),
        ("9_0_0_x.jpg", "male, 0-9, White"),
        ("10_0_1_x.jpg", "male, 10-19, Black"),
        ("116_1_4_x.jpg", "female, 60-120, Other"),
        ("40_0_3_x", "male, 40-59, Indian"),
        ("130_0_3_x.jpg", None),
        ("26_2_2_x.jpg", None),
        ("26_1_5_x.jpg", None),
        ("26_1_2017.jpg", None),
        ("a_1_2_x.jpg", None),
        ("-1_1_2_x.jpg", None),
    ],
)
def test_a_file_name_of_utkface_says_its_group(name: str, group: str | None) -> None:
    """Age, sex and race label in this order; a name without all three has no group."""
    assert utkface_group(name) == group


def test_age_bands_leave_no_gap() -> None:
    """Every age from 0 to 120 is in one band."""
    assert [age for low, high in AGE_BANDS for age in range(low, high + 1)] == [*range(121)]


def group_scene() -> tuple[Floats, list[Photo]]:
    """Two groups large enough and one too small, and photos of another source."""
    rng = np.random.default_rng(1)
    names = ["26_1_2"] * 25 + ["26_0_2"] * 20 + ["5_1_1"] * 19
    photos = [Photo("utkface", "", f"{name}_{i}.jpg", "g") for i, name in enumerate(names)]
    photos += [Photo("other", "", f"70_1_2_{i}.jpg", "g") for i in range(30)]
    spread = np.array([1.0] * 25 + [0.2] * 20 + [1.0] * 49)
    return unit(np.eye(8)[0] + spread[:, None] * rng.normal(size=(len(photos), 8))), photos


def test_groups_are_measured_among_themselves() -> None:
    """A group's false match rate is the share of its pairs at or above the threshold."""
    vectors, photos = group_scene()
    worst, other = by_group(vectors, photos, PLAIN_COSINE, 0.5)
    assert (worst.group, worst.photos) == ("male, 20-39, Asian", 20)
    assert (other.group, other.photos) == ("female, 20-39, Asian", 25)
    for found, own in ((worst, vectors[25:45]), (other, vectors[:25])):
        above = [float(a @ b) >= 0.5 for a, b in combinations(own, 2)]
        assert found.fmr.value == pytest.approx(np.mean(above))
    assert worst.fmr.value > other.fmr.value


def test_groups_and_relatives_are_held_against_the_cohort() -> None:
    """Strangers who all look like the cohort's crowd are no false matches."""
    vectors, photos = group_scene()
    crowd = Cohort(vectors[25:45])
    worst = {g.group: g.fmr.value for g in by_group(vectors, photos, PLAIN_COSINE, 0.5)}
    held = {g.group: g.fmr.value for g in by_group(vectors, photos, crowd, 0.5)}
    assert worst["male, 20-39, Asian"] > 0.9
    assert held["male, 20-39, Asian"] == 0.0
    family = [Photo("families", name, name, "F1") for name in "ab"]
    plain = between_relatives(vectors[25:27], family, PLAIN_COSINE, 0.5)
    parted = between_relatives(vectors[25:27], family, crowd, 0.5)
    assert plain is not None
    assert parted is not None
    assert (plain.value, parted.value) == (1.0, 0.0)


def test_relatives_are_pairs_of_two_members_of_a_family() -> None:
    """Photos of one person, of two families and of other sources do not count."""
    people = [("F1", "a"), ("F1", "a"), ("F1", "b"), ("F2", "c"), ("F2", "d"), ("F3", "e")]
    photos = [Photo("families", name, f"{i}", family) for i, (family, name) in enumerate(people)]
    photos += [Photo("s", "x", "6", "F1"), Photo("s", "y", "7", "F1")]
    vectors = np.ones((8, 1), np.float32)
    vectors[4] = -1
    found = between_relatives(vectors, photos, PLAIN_COSINE, 0.5)
    assert found is not None
    # a-b twice and alike, c-d once and unlike.
    assert (found.value, found.n) == (pytest.approx(2 / 3), 3)


def test_without_relatives_nothing_is_said() -> None:
    """A set of no families has no figure for them."""
    assert between_relatives(embedding(1)[None], photos_of(1, 1), PLAIN_COSINE, 0.5) is None


def pairs_text(same: Sequence[str], different: Sequence[str], folds: int = 2) -> str:
    """LFW's pairs.txt: a line of counts, then each fold's 300 same and 300 different pairs."""
    rows = [*(same[i % len(same)] for i in range(300))]
    rows += [*(different[i % len(different)] for i in range(300))]
    return "\n".join([f"{folds}\t300", *(rows * folds), ""])


def test_pairs_are_read_as_lfw_writes_them() -> None:
    """Three columns are one person, four are two people; each 600 lines are a fold."""
    pairs = read_pairs(pairs_text(["Ann_B\t1\t12"], ["Ann_B\t3\tCy_D\t1"]))
    assert len(pairs) == 1200
    assert pairs[0] == ("Ann_B/Ann_B_0001.webp", "Ann_B/Ann_B_0012.webp", True, 0)
    assert pairs[600 + 300] == ("Ann_B/Ann_B_0003.webp", "Cy_D/Cy_D_0001.webp", False, 1)


def lfw_archive(path: Path) -> Path:
    """An archive like LFW's: ORL people in the middle of 160 pixels, and one photo of no face."""
    with zipfile.ZipFile(path, "w") as archive:
        for person, name in enumerate("ABC", start=1):
            for number in (1, 2):
                canvas = np.full((160, 160, 3), 128, np.uint8)
                canvas[24:136, 34:126] = read_photo(orl_photo(person, number))
                archive.writestr(f"{name}/{name}_{number:04d}.webp", as_webp(canvas))
        archive.writestr("D/D_0001.webp", as_webp(draw_crop(3, 3, 160)))
        same = ["A\t1\t2", "B\t1\t2", "C\t1\t2"]
        different = ["A\t1\tB\t1", "A\t2\tC\t2", "B\t2\tD\t1"]
        archive.writestr("pairs.txt", pairs_text(same, different))
    return path


def as_webp(image: Image) -> bytes:
    return bytes(cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 95])[1])


@needs_photos
@pytest.mark.parametrize(
    ("seen_as", "right"), [("AABBCCD", 6), ("AXBBCCD", 5), ("AXBBCCB", 4), ("AACBCCD", 5)]
)
def test_lfw_counts_every_pair(tmp_path: Path, seen_as: str, right: int) -> None:
    """Of the six kinds of pairs, those count whose photos are rightly told alike or apart."""
    vectors = np.stack([np.eye(128, dtype=np.float32)[ord(letter)] for letter in seen_as])
    found = evaluate_lfw(lambda _: vectors, lfw_archive(tmp_path / "lfw.zip"))
    assert found.verification.accuracy == pytest.approx(right / 6)
    assert (found.verification.n, found.verification.standard_error) == (1200, 0.0)
    assert (found.tar_at_far_1.n, found.tar_at_far_01.n) == (600, 600)


@needs_photos
def test_lfw_is_cut_by_the_kiosk_s_stages(tmp_path: Path) -> None:
    """Faces are found and aligned; a photo without one is cut from its middle, and told."""
    shown: list[Image] = []

    def record(crops: Image) -> Floats:
        shown.append(crops)
        return see(crops)

    path = lfw_archive(tmp_path / "lfw.zip")
    assert evaluate_lfw(record, path).not_found == 1
    (crops,) = shown
    with zipfile.ZipFile(path) as archive:
        photo, landscape = (decode_photo(archive.read(f"{n}/{n}_0001.webp")) for n in "AD")
    assert np.array_equal(crops[0], align(photo, find_single_face(photo, Detector()).landmarks))
    assert np.array_equal(crops[6], landscape[24:136, 24:136, ::-1])


@pytest.mark.parametrize("content", [None, b"no archive", "empty"])
def test_what_is_no_archive_of_pairs_is_named(tmp_path: Path, content: bytes | str | None) -> None:
    """Absent, foreign or without pairs.txt: the error names the file."""
    path = tmp_path / "lfw.zip"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "empty":
        zipfile.ZipFile(path, "w").close()
    with pytest.raises(DatasetError, match=r"lfw\.zip: not the archive of LFW's pairs"):
        evaluate_lfw(see, path)


def test_a_photo_of_the_pairs_that_cannot_be_read_names_the_archive(tmp_path: Path) -> None:
    """A pair whose photo is no picture is an error of the archive, not of OpenCV."""
    path = tmp_path / "lfw.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pairs.txt", "1\t1\nAda\t1\t2\n")
        for number in (1, 2):
            archive.writestr(f"Ada/Ada_000{number}.webp", b"no picture")
    with pytest.raises(DatasetError, match=r"lfw\.zip: .*unreadable"):
        evaluate_lfw(see, path)
