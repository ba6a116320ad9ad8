import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from kiosk.demo import sample_people
from kiosk.errors import DatasetError, PhotoError
from kiosk.recognition.bundle import write_bundle
from kiosk.records import Image
from tests.support import needs_photos
from tests.support_recognition import small_bundle
from tests.train.classifier.test_photos import draw_crop, save, write_crops
from train.classifier.command import find_others, run_predict, run_report
from train.classifier.comparison import Comparison
from train.dataset.crop_set import CropSet, Photo
from train.dataset.sources import Side, Source, Sources, load_sources

pytestmark = pytest.mark.slow  # nearly all of it trains
SHARED = Path(__file__).parents[4] / "shared"
PEOPLE, EACH, SIDE = 3, 15, 24
TOML = """
seed = 5

[[source]]
name = "one"
path = "photos"
aligned = true

[source.also]
p1 = ["other/x1"]
"""

# Who is on the crop set, and on which side: p0 was trained on under the same name, p1 under
# another; p2 and two strangers stand on the test side, and a photo of nobody named.
CROP_SET: list[tuple[str, str, Side]] = [
    ("one", "p0", "train"),
    ("other", "x1", "train"),
    ("other", "x1", "test"),
    ("one", "p2", "test"),
    ("other", "p2", "test"),
    ("other", "s1", "test"),
    ("other", "s1", "test"),
    ("other", "s2", "test"),
    ("other", "", "test"),
    ("other", "s3", "dev"),
]


def write_crop_set(folder: Path, rows: Sequence[tuple[str, str, Side]] = CROP_SET) -> Path:
    crops = np.zeros((len(rows), 128, 128, 3), np.uint8)
    for i in range(len(rows)):
        crops[i, 8:120, 8:120] = draw_crop(50 + i, 60 + i)
    photos = [Photo(source, who, f"{i}.png", who) for i, (source, who, _) in enumerate(rows)]
    CropSet.write(folder, crops, range(len(rows)), photos, [side for _, _, side in rows])
    return folder


def middle(index: int) -> Image:
    """The crop that :func:`write_crop_set` writes for a row."""
    return draw_crop(50 + index, 60 + index)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of three people, a crop set, a bundle and a finished report on them."""
    folder = tmp_path_factory.mktemp("standin")
    write_crops(folder / "photos", PEOPLE, EACH)
    (folder / "sources.toml").write_text(TOML)
    write_crop_set(folder / "crops")
    write_bundle(folder / "small.kiosk-model", small_bundle())
    (folder / "said.txt").write_text(report(folder))
    return folder


def report(work: Path) -> str:
    return run_report(
        work / "sources.toml",
        work,
        work / "run",
        photos_max=40,
        strangers=work / "crops",
        bundle=work / "small.kiosk-model",
        epochs=2,
        size_px=SIDE,
        progress=False,
    )


def stored(work: Path) -> Comparison:
    return msgspec.json.decode((work / "run" / "comparison.json").read_bytes(), type=Comparison)


def test_the_report_says_what_its_files_say(work: Path) -> None:
    """The text is that of the classifier's report and of the comparison."""
    parts = [(work / "run" / name).read_text() for name in ("report.txt", "comparison.txt")]
    assert (work / "said.txt").read_text() == "\n".join(parts)
    for name in ("report.json", "report.csv", "comparison.json", "comparison.csv", "left_out.csv"):
        assert (work / "run" / name).stat().st_size > 0


def test_all_ways_are_measured_on_the_same_photos(work: Path) -> None:
    """Classifier and enrolment have equally many held-out photos and strangers."""
    found = stored(work)
    facts = json.loads((work / "run" / "config.json").read_bytes())
    assert (found.people, found.photos) == (PEOPLE, 40)
    assert len(found.ways) == 3
    for way in found.ways:
        assert way.held_out.n == len(facts["held_out"])
        assert way.strangers is not None
        assert way.strangers.n == 3
        assert way.new_person_s > 0


def test_the_threshold_is_the_bundles_for_as_many_people(work: Path) -> None:
    """The model card's threshold for FPIR 0.3 % and the least gallery that holds everybody."""
    found = stored(work)
    point = small_bundle().card.operating_point(0.003, PEOPLE)
    assert (found.fpir, found.gallery_size) == (0.003, point.gallery_size)
    assert [way.threshold for way in found.ways[1:]] == [point.threshold] * 2


def test_enrolment_time_enters_the_classifiers_report(work: Path) -> None:
    """The price of a new student stands beside that of the training."""
    seconds = json.loads((work / "run" / "report.json").read_bytes())["enrolment_s"]
    assert seconds == max(way.new_person_s for way in stored(work).ways[1:])


def test_a_finished_run_is_not_trained_again(work: Path) -> None:
    """A second report has the same training behind it, and the same accuracy."""
    history = (work / "run" / "history.csv").read_bytes()
    before = json.loads((work / "run" / "comparison.json").read_bytes())
    report(work)
    assert (work / "run" / "history.csv").read_bytes() == history
    after = json.loads((work / "run" / "comparison.json").read_bytes())
    for way in (*before["ways"], *after["ways"]):
        way.pop("new_person_s")  # measured anew
    assert after == before


@needs_photos
def test_a_plain_folder_needs_neither_strangers_nor_bundle(tmp_path: Path) -> None:
    """Photos as they come, of people by folder: the classifier alone is reported."""
    for who in sample_people.sample_people():
        for number, photo in enumerate(sample_people.enrolment_photos(who)):
            save(tmp_path / "photos", who, f"{number}.png", photo)
    run = tmp_path / "run"
    text = run_report(tmp_path / "photos", Path(), run, epochs=1, size_px=SIDE, progress=False)
    assert "5 people, 1 epochs" in text
    assert "strangers: not measured" in text
    assert "enrolment in the kiosk:   not measured" in text
    assert not (run / "comparison.json").exists()


def sources(also: dict[str, tuple[str, ...]]) -> Sources:
    return Sources(source=(Source(name="one", path="photos", also=also),))


def test_nobody_of_the_album_is_a_stranger(tmp_path: Path) -> None:
    """Neither under the same name nor under another; and photos of nobody named are not taken."""
    crop_set = CropSet.load(write_crop_set(tmp_path / "crops"))
    others = find_others(crop_set, sources({"p1": ("other/x1",)}), ("p0", "p1", "p2"))
    assert others.people == 2
    assert [crop.tobytes() for crop in others.strangers] == [middle(i).tobytes() for i in (5, 6, 7)]
    without = find_others(crop_set, sources({}), ("p0", "p1", "p2"))
    assert without.people == 3  # x1 is a stranger as far as anybody knows


def test_who_was_trained_on_is_told_by_name_and_by_other_names(tmp_path: Path) -> None:
    """p0 is on the training side as such, p1 under another name, p2 on the test side alone."""
    crop_set = CropSet.load(write_crop_set(tmp_path / "crops"))
    others = find_others(crop_set, sources({"p1": ("other/x1",)}), ("p0", "p1", "p2"))
    assert others.unseen is not None
    assert others.unseen.tolist() == [False, False, True]


def test_without_a_crop_set_nothing_is_known_of_others() -> None:
    """No strangers, and nobody is called unseen."""
    others = find_others(None, sources({}), ("p0",))
    assert (len(others.strangers), others.people, others.unseen) == (0, None, None)


def test_a_crop_set_without_strangers_is_refused(tmp_path: Path) -> None:
    """The message says what is missing."""
    crop_set = CropSet.load(write_crop_set(tmp_path / "crops", CROP_SET[:4]))
    with pytest.raises(DatasetError, match="no stranger on its test side"):
        find_others(crop_set, sources({"p1": ("other/x1",)}), ("p0", "p1", "p2"))


def test_predict_says_actual_and_predicted_and_draws_the_grid(work: Path, tmp_path: Path) -> None:
    """A line a photo; the folder tells who it is if it is the name of a person."""
    elsewhere = tmp_path / "holiday.png"
    cv2.imwrite(str(elsewhere), draw_crop(0, 1))
    photos = [work / "photos" / "p1" / "0.png", elsewhere]
    grid = tmp_path / "grid.png"
    lines = list(run_predict(photos, work / "run", grid))
    assert lines[0].startswith(f"{photos[0]}: Actual: p1, Predicted: p")
    assert lines[1].startswith(f"{elsewhere}: Actual: not known, Predicted: p")
    assert grid.read_bytes().startswith(b"\x89PNG")


def test_predict_names_the_photo_that_it_cannot_read(work: Path, tmp_path: Path) -> None:
    """A broken photo ends it, and no grid is left."""
    torn = tmp_path / "torn.png"
    torn.write_bytes(b"")
    with pytest.raises(PhotoError, match=r"torn\.png"):
        list(run_predict([torn], work / "run", tmp_path / "grid.png"))
    assert not (tmp_path / "grid.png").exists()


def test_the_stand_in_takes_eight_people_of_celeba_and_all_of_glint() -> None:
    """The file that ships can be read, and picks its people."""
    found = load_sources(Path(str(files("train") / "standin.toml")))
    assert {one.name: len(one.people) for one in found.source} == {"glint": 0, "celeba": 8}


@pytest.mark.skipif(
    not (SHARED / "data" / "glint").is_dir(), reason="the research sets are not on this machine"
)
def test_the_stand_in_has_as_many_people_and_photos_as_the_report() -> None:
    """31 people and enough photos to cut to 2,572."""
    from train.dataset.prepare import walk

    found = load_sources(Path(str(files("train") / "standin.toml")))
    items = [item for source in found.source for item in walk(source, SHARED)]
    assert len({person for person, _, _ in items}) == 31
    assert len(items) > 2572 + 200
