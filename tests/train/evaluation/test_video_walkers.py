"""Walks made of videos: who is enrolled, who walks, and what a walk scores."""

import numpy as np
import pytest

from kiosk.errors import DatasetError
from tests.train.evaluation.test_walks import FRAMES, embeddings_of, videos_of
from train.evaluation import domains
from train.evaluation.identify import Galleries, Mix
from train.evaluation.recogniser import PLAIN_COSINE
from train.evaluation.video_scores import WalkTables, score_videos
from train.evaluation.video_walkers import score_video_walks
from train.evaluation.videos import Videos, half_of


@pytest.fixture(scope="module")
def videos() -> Videos:
    """Fourteen people with three videos each, and one with a single video."""
    full = videos_of()
    return Videos(full.people[:-2], full.frames[:-2], full.crops[: -2 * FRAMES])


@pytest.fixture(scope="module")
def tables(videos: Videos) -> WalkTables:
    vectors = embeddings_of(videos, 1.0)
    return score_videos(videos, vectors, vectors, vectors, PLAIN_COSINE)


def test_one_video_enrols_and_each_other_one_is_a_walk(tables: WalkTables, videos: Videos) -> None:
    """A person with one video is a stranger only; nobody is a stranger to the own template."""
    found = score_video_walks(tables, "all")
    people = set(videos.people)
    assert found.strangers.shape == (len(videos.people) - 13, 13)
    assert len(np.unique(found.people)) == len(people) == 14
    assert np.isinf(found.strangers).sum() == np.isfinite(found.mated).sum() == 13 * 2
    assert np.isfinite(found.strangers[~np.isfinite(found.mated)]).all()


def test_halves_share_nobody(tables: WalkTables, videos: Videos) -> None:
    """Each person is on one side."""
    sides = [score_video_walks(tables, half) for half in ("dev", "test")]
    people = set(videos.people)
    for side, half in zip(sides, ("dev", "test"), strict=True):
        inside = {one for one in people if half_of(one) == half}
        assert len(np.unique(side.people)) == len(inside)


def test_a_walk_scores_its_best_moment(tables: WalkTables) -> None:
    """No score is below that of the mean of the whole second, and own templates score higher."""
    found = score_video_walks(tables, "all")
    own = found.mated[np.isfinite(found.mated)]
    others = found.strangers[np.isfinite(found.strangers)]
    assert own.min() > np.median(others)
    galleries = Galleries(found, Mix.of(found), 6)
    assert galleries.fpir(float(others.max()) + 1e-6) == 0.0
    assert galleries.fnir(-1.0) < 0.1


def test_a_half_in_which_nobody_can_be_enrolled_is_named() -> None:
    """One person is no stranger to anybody; the figures would be no numbers."""
    few = videos_of(1)
    vectors = embeddings_of(few, 1.0)
    tables = score_videos(few, vectors, vectors, vectors, PLAIN_COSINE)
    for half in ("dev", "test"):
        with pytest.raises(DatasetError, match=f"fewer than two people of the half '{half}'"):
            domains._score_half(tables, half)
