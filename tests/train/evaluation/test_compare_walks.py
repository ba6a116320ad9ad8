"""The last look: walks of test people, with thresholds of those who are drawn."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kiosk.errors import ConfigError, DatasetError
from tests.support_train import make_crop_set, see
from tests.train.evaluation.test_walks import embeddings_of, videos_of
from train.__main__ import main
from train.evaluation import compare_walks as module
from train.evaluation import walks
from train.evaluation.compare import Comparison, compare, render_comparison
from train.evaluation.compare_walks import FPIRS, WalkScores, compare_scores, compare_walks
from train.evaluation.compared_figure import ComparedFigure
from train.evaluation.recogniser import PLAIN_COSINE, RecogniserUnderTest
from train.evaluation.video_scores import WalkTables, score_videos
from train.evaluation.videos import Half, Videos
from train.metrics import Rate

ENROLLED: Mapping[Half, int] = {"all": 6}


@pytest.fixture(autouse=True)
def _small_galleries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "GALLERY_SIZES", ENROLLED)
    monkeypatch.setattr(module, "GALLERY_SIZES", ENROLLED)
    monkeypatch.setattr(module, "_HALVES", {"all": "all people"})


def tables(noise: float) -> WalkTables:
    videos = videos_of()
    vectors = embeddings_of(videos, noise)
    return score_videos(videos, vectors, vectors, vectors, PLAIN_COSINE)


def scores(noise: float) -> WalkScores:
    return WalkScores.of(walks.outcomes_of(tables(noise), "all", "mean"))


def test_the_share_is_that_of_the_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    """With each person once, it is the mean of FNIR at three FPIRs."""
    monkeypatch.setattr(walks, "FPIRS", FPIRS)
    rates = [one.fnir.value for one in walks._rates(tables(2.5), ("all", 112, "mean", True), {})]
    found = compare_scores("walks", [scores(2.5)])
    assert 0.05 < found.rates[0].value < 0.95
    assert found.rates[0].value == pytest.approx(np.mean(rates))
    assert found.rates[0].low < found.rates[0].value < found.rates[0].high


def test_the_interval_of_a_change_is_over_the_same_people() -> None:
    """The worse one misses more, whoever is drawn; one beside itself changes nothing."""
    found = compare_scores("walks", [scores(2.0), scores(2.0), scores(3.0)])
    first, same, worse = found.changes
    assert (first.low, first.high) == (same.low, same.high) == (0, 0)
    assert 0 < worse.low < worse.value < worse.high
    assert worse.value == pytest.approx(found.rates[2].value - found.rates[0].value)


@given(st.lists(st.integers(0, 3), min_size=5, max_size=5), st.integers(0, 2**32 - 1))
def test_a_person_drawn_twice_counts_twice(times: list[int], seed: int) -> None:
    """It is as if the walks of the person were there as often; so the thresholds move, too."""
    rng = np.random.default_rng(seed)
    strangers = np.sort(rng.random(400, np.float32))[::-1].copy()
    people, strange = rng.integers(0, 3, 60), rng.integers(2, 5, 400)
    few = WalkScores(rng.random(60, np.float32), people, strangers, strange)
    number = np.array(times)
    assume(number[2:].any())  # else nobody is a stranger
    more = replace(
        few,
        mated=np.repeat(few.mated, number[people]),
        mated_people=np.repeat(people, number[people]),
        strangers=np.repeat(strangers, number[strange]),
        stranger_people=np.repeat(strange, number[strange]),
    )
    assert few.fnir(number) == pytest.approx(more.fnir(np.ones(5, np.int64)))


def test_each_width_is_compared_by_cosine_and_by_score() -> None:
    """Probes are also shrunk, and the cohort of the recogniser is used."""
    plain = videos_of()
    crops = np.random.default_rng(0).integers(0, 256, plain.crops.shape, np.uint8)
    videos = Videos(plain.people, plain.frames, crops)
    found = compare_walks({"one": RecogniserUnderTest(see, PLAIN_COSINE)}, videos)
    assert [one.label for one in found] == [
        f"walks of all people, 6 enrolled{width}, by {scoring}"
        for width in ("", ", 40 px", ", 24 px")
        for scoring in ("cosine", "score")
    ]


def test_too_few_people_are_an_error() -> None:
    """Somebody must be left for a stranger."""
    few = videos_of(6)
    with pytest.raises(DatasetError, match="expected more than 6"):
        compare_walks({"one": RecogniserUnderTest(see, PLAIN_COSINE)}, few)


def test_test_people_are_looked_at_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the option no figure is of them; with it, all people of the archive are read."""
    asked: list[Half] = []

    def read(archive: Path, half: Half = "all") -> Videos:
        assert archive == tmp_path
        asked.append(half)
        return videos_of()

    monkeypatch.setattr("train.evaluation.compare.read_videos", read)
    crop_set = make_crop_set(tmp_path, {"train": 3, "dev": 4, "test": 2})
    recognisers = {"one": RecogniserUnderTest(see, PLAIN_COSINE)}
    assert compare(recognisers, crop_set, tmp_path).last_look == ()
    assert asked == ["dev"]
    assert len(compare(recognisers, crop_set, tmp_path, test_people=True).last_look) == 6
    assert asked == ["dev", "dev", "all"]


def test_the_last_look_has_a_table_of_its_own() -> None:
    """Below the mean, which it is no part of, with what it is and that it is for once."""
    rate = Rate(0.25, 0.2, 0.3, 12)
    figure = ComparedFigure(
        "walks of test people", (rate, rate), (rate, Rate(0.0, -0.01, 0.01, 12))
    )
    found = Comparison(("one", "other"), (), (0.0, 0.0), False, (figure,))
    below = render_comparison(found).partition("mean")[2]
    assert "25.0 (+0.0: -1.0 to +1.0)" in below
    assert "Look only once" in below


def test_without_walks_it_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The error names both options."""
    words = ["compare", "run", "--crops", str(tmp_path), "--test-people"]
    assert main(words) == ConfigError.exit_code
    assert "--test-people: expected --walks" in capsys.readouterr().err


def test_scores_are_of_everybody_who_walks_past() -> None:
    """People are numbered over enrolled people and strangers; strangers' scores fall."""
    found = scores(1.0)
    assert found.people == 14
    assert bool(np.all(np.diff(found.strangers) <= 0))
