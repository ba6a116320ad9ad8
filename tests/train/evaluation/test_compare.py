"""Recognisers are compared on development people alone."""

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.errors import DatasetError
from kiosk.records import Floats, Image
from tests.support_train import draw_crop, make_crop_set, see
from train.__main__ import main
from train.dataset.crop_set import CropSet
from train.dataset.sources import Split
from train.evaluation.compare import Comparison, _misses, compare, render_comparison
from train.evaluation.compared_figure import ComparedFigure
from train.evaluation.recogniser import PLAIN_COSINE, RecogniserUnderTest
from train.evaluation.videos import Half, Videos, half_of, read_videos
from train.metrics import Rate

SEEING = RecogniserUnderTest(see, PLAIN_COSINE)


def guess(crops: Image) -> Floats:
    """Embed crops by light alone, which says nothing of who is on them."""
    return see(np.full_like(crops, 128) + crops[:, :1, :1] // 16)


GUESSING = RecogniserUnderTest(guess, PLAIN_COSINE)


@pytest.fixture(scope="module")
def crop_set(tmp_path_factory: pytest.TempPathFactory) -> CropSet:
    people: dict[Split, int] = {"train": 6, "dev": 12, "test": 3}
    return make_crop_set(tmp_path_factory.mktemp("crops"), people)


@pytest.fixture(scope="module")
def found(crop_set: CropSet) -> Comparison:
    return compare({"sees": SEEING, "guesses": GUESSING}, crop_set)


def test_the_better_recogniser_misses_less(found: Comparison) -> None:
    """Each figure is of each recogniser, and the mean is over all of them."""
    assert found.recognisers == ("sees", "guesses")
    native = found.figures[0]
    assert native.label == "photos, by cosine"
    assert native.rates[0].value < 0.05
    assert native.rates[1].value > 0.5
    assert found.means[0] == pytest.approx(np.mean([one.rates[0].value for one in found.figures]))


def test_a_change_is_beside_the_first(found: Comparison) -> None:
    """The change is the difference of both figures, within its interval; the first has none."""
    for figure in found.figures:
        old, new = figure.rates
        assert figure.changes[1].value == pytest.approx(new.value - old.value)
        assert figure.changes[1].low <= figure.changes[1].value <= figure.changes[1].high
        assert (figure.changes[0].low, figure.changes[0].high) == (0, 0)


def test_equal_recognisers_do_not_differ(crop_set: CropSet) -> None:
    """Without a difference, the interval of the change is empty."""
    found = compare({"one": GUESSING, "other": GUESSING}, crop_set)
    assert {(one.changes[1].low, one.changes[1].high) for one in found.figures} == {(0, 0)}


def test_no_test_person_is_looked_at(crop_set: CropSet) -> None:
    """Only crops of development people are embedded; those of training people if asked for."""
    development, training, test = (
        {crop.tobytes() for crop in crops_of(crop_set, split)} for split in ("dev", "train", "test")
    )
    seen: set[bytes] = set()

    def watch(crops: Image) -> Floats:
        seen.update(crop.tobytes() for crop in crops)
        return see(crops)

    compare({"watching": RecogniserUnderTest(watch, PLAIN_COSINE)}, crop_set)
    assert seen & development
    assert not seen & (test | training)
    found = compare({"watching": RecogniserUnderTest(watch, PLAIN_COSINE)}, crop_set, None, 3)
    assert seen & training
    assert not seen & test
    assert any(one.label.startswith("photos of 3 training people") for one in found.figures)


def crops_of(crop_set: CropSet, split: Split) -> Image:
    (crops,) = crop_set.contract_crops(crop_set.indices_of(split))
    return crops


def test_walks_are_of_the_development_half(
    tmp_path: Path, crop_set: CropSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The videos of people of the other half are not read, and a walk is the mean of its frames."""
    names = [f"person {number}" for number in range(24)]
    path = tmp_path / "walks.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for who, name in enumerate(names):
            for video, frame in ((0, 0), (0, 1), (1, 0)):
                crop = draw_crop(who, 2 * video + frame, 112)
                data = bytes(cv2.imencode(".webp", crop[:, :, ::-1])[1])
                archive.writestr(f"{name}/{video}/{frame}.webp", data)
    # The people are drawn, and no detector finds a face: the centre is cut out.
    read: list[Videos] = []

    def watch(archive: Path, half: Half) -> Videos:
        read.append(read_videos(archive, half))
        return read[0]

    monkeypatch.setattr("train.evaluation.compare.read_videos", watch)
    found = compare({"sees": SEEING}, crop_set, path)
    dev = {name for name in names if half_of(name) == "dev"}
    assert 1 < len(dev) < len(names)
    assert set(read[0].people) == dev
    assert found.figures[0].label == "walks, by cosine"
    assert found.figures[0].rates[0].n == 2 * len(dev)  # each walk of a person with the other
    assert found.figures[0].rates[0].value < 0.2


def test_the_table_shows_figures_changes_and_means(found: Comparison) -> None:
    """A line for each figure: FRR in %, then the change with its interval."""
    lines = render_comparison(found).splitlines()
    assert lines[0].split() == ["sees", "guesses"]
    assert lines[1].startswith("photos, by cosine")
    assert "(+" in lines[1]
    assert lines[7].split()[0] == "mean"
    assert "training" not in render_comparison(found).partition("mean")[2].partition("cohort")[0]


def test_a_change_of_nothing_has_no_minus() -> None:
    """What rounds to 0 is shown as +0.0."""
    frr = Rate(0.5, 0.4, 0.6, 10)
    figure = ComparedFigure("photos", (frr, frr), (frr, Rate(-0.0004, -0.002, 0.0, 10)))
    found = Comparison(("one", "other"), (figure,), (0.5, 0.5), has_training_people=False)
    assert "50.0 (+0.0: -0.2 to +0.0)" in render_comparison(found)


def test_people_with_one_photo_are_an_error(tmp_path: Path) -> None:
    """Nothing can be compared where everybody has one photo."""
    alone = make_crop_set(tmp_path, {"train": 2, "dev": 3, "test": 1}, each=1)
    with pytest.raises(DatasetError, match="nobody of the 'dev' split has two photos"):
        compare({"sees": SEEING}, alone)


@given(st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_misses_are_the_mean_of_three_rates(each: int, seed: int) -> None:
    """Whoever is nearer to oneself than every impostor is never missed; whoever is not, always."""
    people = np.repeat(["a", "b", "c", "d"], each)
    impostors = np.random.default_rng(seed).uniform(-0.5, 0.5, (len(people), len(people)))
    same = people[:, None] == people
    assert all(
        one.tolist() == [miss] * (each * (each - 1))
        for genuine, miss in ((0.9, 0.0), (-0.9, 1.0))
        for one in _misses(np.where(same, genuine, impostors).astype(np.float32), people)
    )


def test_an_untaught_crop_set_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """People who appear under two names would make the figures wrong."""
    make_crop_set(tmp_path / "crops")
    (tmp_path / "crops" / "teacher.npy").unlink()
    assert main(["compare", "run", "--crops", str(tmp_path / "crops")]) == DatasetError.exit_code
    assert "kiosk-train teach" in capsys.readouterr().err


def test_the_default_bundle_and_its_model_are_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model without its bundle is measured alike; without a cohort, by cosine."""
    from kiosk.recognition.bundle import default_bundle, load_bundle

    crops = make_crop_set(tmp_path / "crops", {"train": 2, "dev": 3, "test": 2})
    model = tmp_path / "alone.tflite"
    model.write_bytes(load_bundle(default_bundle()).model)
    arguments = ["compare", str(model), str(default_bundle()), "--crops", str(crops.folder)]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["recognisers"] == [str(model), str(default_bundle())]
    cosine = [one for one in found["figures"] if one["label"].endswith("by cosine")]
    assert all(one["changes"][1]["value"] == 0 for one in cosine)


@pytest.mark.parametrize(
    ("name", "said"), [("absent.tflite", "cannot be read"), ("absent", "not a run of recipe")]
)
def test_an_absent_model_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    """A path that holds nothing is an error with its name."""
    crops = make_crop_set(tmp_path / "crops")
    assert main(["compare", str(tmp_path / name), "--crops", str(crops.folder)]) == 65
    error = capsys.readouterr().err
    assert name in error
    assert said in error
