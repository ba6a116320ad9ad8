"""The protocol of walks: who is enrolled, what is scored, and the kiosk's rule within a second."""

import numpy as np
import pytest

from kiosk.errors import DatasetError
from kiosk.recognition.decide import DecisionRule, WalkDecider, WalkFrame
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.match import Matcher
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image
from tests.support_recognition import PLAIN, embedding
from train.evaluation import walks
from train.evaluation.recogniser import PLAIN_COSINE, RecogniserUnderTest
from train.evaluation.video_scores import FRAMES_OF_A_SECOND, score_videos
from train.evaluation.videos import Videos
from train.evaluation.walks import evaluate_walks

PEOPLE, VIDEOS, FRAMES = 14, 3, 3


def videos_of(people: int = PEOPLE) -> Videos:
    names = tuple(f"p{i:02d}" for i in range(people) for _ in range(VIDEOS))
    count = len(names)
    frames = tuple(tuple(range(FRAMES * i, FRAMES * (i + 1))) for i in range(count))
    return Videos(names, frames, np.zeros((FRAMES * count, 112, 112, 3), np.uint8))


def embeddings_of(videos: Videos, noise: float, seed: int = 0) -> Floats:
    """Frames of a person around the person's own direction."""
    rng = np.random.default_rng(seed)
    centres = np.stack([embedding(int(name[1:])) for name in videos.people]).repeat(FRAMES, axis=0)
    return unit(centres + noise * unit(rng.normal(size=centres.shape)))


@pytest.fixture(autouse=True)
def _small_galleries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "GALLERY_SIZES", {"all": 6})


def test_people_seen_well_are_all_named() -> None:
    """With little noise nobody is missed, by whatever is scored."""
    videos = videos_of()
    vectors = embeddings_of(videos, 0.2)
    tables = score_videos(videos, vectors, vectors, vectors, PLAIN_COSINE)
    for probe in ("one frame", "mean", "one second"):
        for rate in walks._rates(tables, ("all", 112, probe, True), {(0.01, 6): 0.5}):
            assert rate.fnir.value == 0.0
            assert rate.is_operating_point or rate.fpir.value <= rate.fpir_asked
            assert rate.fnir.n == walks.DRAWS * 6 * (VIDEOS - 1)
            assert rate.fpir.n == walks.DRAWS * (PEOPLE - 6) * VIDEOS


def test_the_mean_is_better_than_one_frame() -> None:
    """With noise, the mean of three frames misses fewer people at the same FPIR."""
    videos = videos_of()
    vectors = embeddings_of(videos, 2.5)
    tables = score_videos(videos, vectors, vectors, vectors, PLAIN_COSINE)
    one, mean = (
        next(iter(walks._rates(tables, ("all", 112, probe, True), {})))
        for probe in ("one frame", "mean")
    )
    assert mean.fnir.value < one.fnir.value
    assert max(mean.fpir.value, one.fpir.value) <= 0.01


def test_a_second_is_decided_as_the_kiosk_decides() -> None:
    """For every threshold, a walk has a name if and only if the kiosk's decider gives this name."""
    videos = videos_of()
    vectors = embeddings_of(videos, 2.0)
    tables = score_videos(videos, vectors, vectors, vectors, PLAIN_COSINE)
    gallery = np.arange(0, 6 * VIDEOS, VIDEOS)
    rows = np.arange(1, len(videos.people), 2)
    scores, who = walks._within_a_second(tables, rows, gallery)
    templates = {str(i): unit(vectors[list(videos.frames[i])].mean(axis=0))[None] for i in gallery}
    matcher = Matcher(Gallery("m", templates), PLAIN)
    named = 0
    for threshold in (0.1, 0.25, 0.4):
        rule = DecisionRule(threshold, -1.0, 0.05, 3, 0.6, -1.0)
        for row, score, person in zip(rows, scores, who, strict=True):
            decider = WalkDecider(rule)
            found = []
            for shown in tables.shown:
                probe = vectors[videos.frames[row][shown]]
                frame = WalkFrame(probe, 1.0, matcher.match(probe))
                found.append(decider.add(1, frame, matcher.match, None))
            first = next((one for one in found if one is not None), None)
            assert (first is not None) == (score >= threshold)
            if first is not None and score - threshold > 0.3:
                assert first.subject_id == str(gallery[person])
            named += first is not None
    assert 0 < named < 3 * len(rows)


def test_a_video_with_one_frame_shows_it_for_the_whole_second() -> None:
    """Fewer frames are no obstacle."""
    full = videos_of()
    videos = Videos(full.people, ((0,), *full.frames[1:]), full.crops)
    vectors = embeddings_of(full, 0.5)
    tables = score_videos(videos, vectors, vectors, vectors, PLAIN_COSINE)
    assert np.allclose(tables.means[0, 0], tables.means[FRAMES_OF_A_SECOND - 1, 0], atol=1e-5)
    assert np.allclose(tables.mean[0], tables.frames[0, 0], atol=1e-5)


def test_too_few_people_are_an_error() -> None:
    """Somebody must be left for a stranger."""
    videos = videos_of(6)
    vectors = embeddings_of(videos, 0.5)
    tables = score_videos(videos, vectors, vectors, vectors, PLAIN_COSINE)
    with pytest.raises(DatasetError, match="6 people have two videos, expected more than 6"):
        list(walks._rates(tables, ("all", 112, "mean", True), {}))


def test_a_recogniser_is_measured_in_all_cases() -> None:
    """Each face width and probe has a rate per FPIR, with a cohort and by plain cosine."""
    videos = videos_of()
    frames = len(videos.crops)
    crops = np.random.default_rng(0).integers(0, 256, (frames, 112, 112, 3), np.uint8)

    def embed(batch: Image) -> Floats:
        return unit(batch.reshape(len(batch), -1)[:, :128].astype(np.float32) - 128)

    rates = evaluate_walks(
        RecogniserUnderTest(embed, PLAIN_COSINE),
        Videos(videos.people, videos.frames, crops),
        {(0.003, 6): 0.4},
    )
    assert len(rates) == 3 * (2 * 3 * 2 + 1)
    points = [(one.face_px, one.probe, one.threshold) for one in rates if one.is_operating_point]
    assert points == [(width, "one second", 0.4) for width in (112, 40, 24)]
