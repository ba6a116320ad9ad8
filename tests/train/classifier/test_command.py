"""The commands ``report`` and ``predict``."""

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
from train.__main__ import main
from train.classifier.command import find_strangers, run_predict, run_report
from train.classifier.comparison import Comparison
from train.classifier.run import ClassifierConfig
from train.dataset.crop_set import CropSet, Photo
from train.dataset.sources import Source, Sources, Split, load_sources

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

# The people of the crop set and their splits: p0 is in training under the same name, p1 under
# another; p2, two strangers and an unnamed photo are in the test split.
CROP_SET: list[tuple[str, str, Split]] = [
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


def write_crop_set(folder: Path, rows: Sequence[tuple[str, str, Split]] = CROP_SET) -> Path:
    crops = np.zeros((len(rows), 128, 128, 3), np.uint8)
    for i in range(len(rows)):
        crops[i, 8:120, 8:120] = draw_crop(50 + i, 60 + i)
    photos = [Photo(source, who, f"{i}.png", who) for i, (source, who, _) in enumerate(rows)]
    CropSet.write(folder, crops, photos, [split for _, _, split in rows])
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
        config=ClassifierConfig(size_px=SIDE, epochs=2),
        progress=False,
    )


def stored(work: Path) -> Comparison:
    return msgspec.json.decode((work / "run" / "comparison.json").read_bytes(), type=Comparison)


def test_the_returned_text_equals_the_files(work: Path) -> None:
    """The returned text is that of the classifier's report and of the comparison."""
    parts = [(work / "run" / name).read_text() for name in ("report.txt", "comparison.txt")]
    assert (work / "said.txt").read_text() == "\n".join(parts)
    for name in ("report.json", "report.csv", "comparison.json", "comparison.csv", "left_out.csv"):
        assert (work / "run" / name).stat().st_size > 0


def test_all_methods_are_measured_on_the_same_photos(work: Path) -> None:
    """Classifier and enrolment have the same number of held-out photos and strangers."""
    found = stored(work)
    facts = json.loads((work / "run" / "config.json").read_bytes())
    assert (found.people, found.photos) == (PEOPLE, 40)
    assert len(found.methods) == 3
    for method in found.methods:
        assert method.held_out.n == len(facts["held_out"])
        assert method.strangers is not None
        assert method.strangers.n == 3
        assert method.new_person_s > 0


def test_the_threshold_is_the_bundle_s_for_that_many_people(work: Path) -> None:
    """It is the model card's for FPIR 0.3 % and the smallest gallery that holds everybody."""
    found = stored(work)
    point = small_bundle().card.operating_point(0.003, PEOPLE)
    assert (found.fpir, found.gallery_size) == (0.003, point.gallery_size)
    assert [method.threshold for method in found.methods[1:]] == [point.threshold] * 2


def test_enrolment_time_enters_the_classifiers_report(work: Path) -> None:
    """The report has the slowest enrolment time beside the training time."""
    seconds = json.loads((work / "run" / "report.json").read_bytes())["enrolment_s"]
    assert seconds == max(method.new_person_s for method in stored(work).methods[1:])


def test_a_finished_run_is_not_trained_again(work: Path) -> None:
    """A second report uses the same training and has the same accuracy."""
    history = (work / "run" / "history.csv").read_bytes()
    before = json.loads((work / "run" / "comparison.json").read_bytes())
    report(work)
    assert (work / "run" / "history.csv").read_bytes() == history
    after = json.loads((work / "run" / "comparison.json").read_bytes())
    for method in (*before["methods"], *after["methods"]):
        method.pop("new_person_s")  # measured again
    assert after == before


@needs_photos
def test_a_plain_folder_needs_neither_strangers_nor_bundle(tmp_path: Path) -> None:
    """With only a folder of photos, only the classifier is reported."""
    for who in sample_people.sample_people():
        for number, photo in enumerate(sample_people.enrolment_photos(who)):
            save(tmp_path / "photos", who, f"{number}.png", photo)
    run = tmp_path / "run"
    config = ClassifierConfig(size_px=SIDE, epochs=1)
    text = run_report(tmp_path / "photos", Path(), run, config=config, progress=False)
    assert "5 people, 1 epochs" in text
    assert "strangers: not measured" in text
    assert "enrolment in the kiosk: not measured" in text
    assert not (run / "comparison.json").exists()


def sources(also: dict[str, tuple[str, ...]]) -> Sources:
    return Sources(source=(Source(name="one", path="photos", also=also),))


def test_people_of_the_report_are_no_strangers(tmp_path: Path) -> None:
    """People of the report, under any of their names, and unnamed photos are no strangers."""
    crop_set = CropSet.load(write_crop_set(tmp_path / "crops"))
    others = find_strangers(crop_set, sources({"p1": ("other/x1",)}), ("p0", "p1", "p2"))
    assert others.stranger_people == 2
    assert [crop.tobytes() for crop in others.strangers] == [middle(i).tobytes() for i in (5, 6, 7)]
    without = find_strangers(crop_set, sources({}), ("p0", "p1", "p2"))
    assert without.stranger_people == 3  # x1 is a stranger as far as anybody knows


def test_training_people_are_found_under_all_their_names(tmp_path: Path) -> None:
    """p0 is in the training split, p1 under another name, p2 only in the test split."""
    crop_set = CropSet.load(write_crop_set(tmp_path / "crops"))
    others = find_strangers(crop_set, sources({"p1": ("other/x1",)}), ("p0", "p1", "p2"))
    assert others.unseen is not None
    assert others.unseen.tolist() == [False, False, True]


def test_without_a_crop_set_there_are_no_strangers() -> None:
    """Without a crop set there are no strangers, and unseen people are not known."""
    others = find_strangers(None, sources({}), ("p0",))
    assert (len(others.strangers), others.stranger_people, others.unseen) == (0, None, None)


def test_a_crop_set_without_strangers_is_rejected(tmp_path: Path) -> None:
    """A test split without strangers is an error."""
    crop_set = CropSet.load(write_crop_set(tmp_path / "crops", CROP_SET[:4]))
    with pytest.raises(DatasetError, match="no stranger in the test split"):
        find_strangers(crop_set, sources({"p1": ("other/x1",)}), ("p0", "p1", "p2"))


def test_predict_prints_both_names_and_draws_the_grid(work: Path, tmp_path: Path) -> None:
    """There is one line per photo, with the folder's name if it is a person's."""
    elsewhere = tmp_path / "holiday.png"
    cv2.imwrite(str(elsewhere), draw_crop(0, 1))
    photos = [work / "photos" / "p1" / "0.png", elsewhere]
    grid = tmp_path / "grid.png"
    lines = list(run_predict(photos, work / "run", grid))
    assert lines[0].startswith(f"{photos[0]}: Actual: p1, Predicted: p")
    assert lines[1].startswith(f"{elsewhere}: Actual: not known, Predicted: p")
    assert grid.read_bytes().startswith(b"\x89PNG")


def test_predict_names_the_photo_that_it_cannot_read(work: Path, tmp_path: Path) -> None:
    """A broken photo is an error that names it, and no grid is written."""
    torn = tmp_path / "torn.png"
    torn.write_bytes(b"")
    with pytest.raises(PhotoError, match=r"torn\.png"):
        list(run_predict([torn], work / "run", tmp_path / "grid.png"))
    assert not (tmp_path / "grid.png").exists()


def test_the_stand_in_takes_eight_people_of_celeba_and_all_of_glint() -> None:
    """The shipped file is valid and selects its people."""
    found = load_sources(Path(str(files("train") / "standin.toml")))
    assert {one.name: len(one.people) for one in found.source} == {"glint": 0, "celeba": 8}


@pytest.mark.skipif(
    not (SHARED / "data" / "glint").is_dir(), reason="the research sets are not on this machine"
)
def test_the_stand_in_has_as_many_people_and_photos_as_the_report() -> None:
    """There are 31 people and more than 2,572 photos."""
    from train.dataset.photo_files import list_photos

    found = load_sources(Path(str(files("train") / "standin.toml")))
    photos = list_photos(found.source, SHARED)
    assert len({file.person for file in photos}) == 31
    assert len(photos) > 2572 + 200


@pytest.mark.parametrize("name", ["", "absent/grid.png"])
def test_predict_checks_first_where_the_grid_goes(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder, or a file in an absent one, is an error of the option."""
    grid = tmp_path / name
    assert main(["predict", "photo.jpg", "--run", "run", "--grid", str(grid)]) == 78
    assert capsys.readouterr().err.startswith(f"kiosk-train: --grid: {grid} ")
