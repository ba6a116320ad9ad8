"""From frames to decisions, with all real stages."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest

from kiosk.config.keys import QualitySection
from kiosk.demo.sample_people import enrolment_photos
from kiosk.recognition.decide import DecisionRule, WalkDecider
from kiosk.recognition.detect import Detector
from kiosk.recognition.embed import TfliteEmbedder
from kiosk.recognition.enrol import Enroller
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.match import Matcher
from kiosk.recognition.pipeline import Pipeline
from kiosk.recognition.track import Tracker
from kiosk.recognition.upright import UPSIDE_DOWN, UprightCheck
from kiosk.records import Decision, Floats, Frame, Image, Quality, Verdict
from tests.support import needs_photos
from tests.support_recognition import PLAIN, THRESHOLD, picture, small_bundle

pytestmark = needs_photos
RULE = DecisionRule(
    THRESHOLD, THRESHOLD - 0.05, margin_min=0.05, votes_min=3, agreement_min=0.6, alike_min=0.4
)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.fixture(scope="module")
def embedder() -> TfliteEmbedder:
    return TfliteEmbedder(small_bundle())


@pytest.fixture(scope="module")
def enrolled(detector: Detector, embedder: TfliteEmbedder) -> Callable[[str], Floats]:
    enroller = Enroller(detector, embedder, PLAIN, QualitySection(), UprightCheck(), 0.0, 1.0)
    return lambda person: (
        enroller.enrol(
            [("", picture(photo)) for photo in enrolment_photos(person)], Gallery("small", {})
        ).templates
    )


def matcher(enrolled: Callable[[str], Floats], *people: str) -> Matcher:
    return Matcher(Gallery("small", {person: enrolled(person) for person in people}), PLAIN)


@pytest.fixture
def pipeline(
    detector: Detector, embedder: TfliteEmbedder, enrolled: Callable[[str], Floats]
) -> Pipeline:
    return Pipeline(
        detector=detector,
        tracker=Tracker(gap_max_s=1.0, reach=1.5),
        limits=QualitySection(),
        upright=UprightCheck(),
        embedder=embedder,
        matcher=matcher(enrolled, "orl-s12", "orl-s30"),
        walks=WalkDecider(RULE),
    )


def walk(person: str, count: int = 6, size: tuple[int, int] = (320, 240)) -> list[Image]:
    """A person who walks from left to right."""
    return [picture(enrolment_photos(person)[0], 10 * i, size) for i in range(count)]


def frames(pictures: list[Image], start_s: float = 10.0) -> Iterator[Frame]:
    return (Frame(image, i, start_s + i / 10) for i, image in enumerate(pictures))


def see(pipeline: Pipeline, pictures: list[Image], start_s: float = 10.0) -> list[list[Decision]]:
    return [list(pipeline.process(frame).decisions) for frame in frames(pictures, start_s)]


def test_an_enrolled_person_is_named_at_the_third_frame(pipeline: Pipeline) -> None:
    """The third frame gives the decision, once; the end of the camera gives none."""
    decisions = see(pipeline, walk("orl-s12"))
    assert [len(found) for found in decisions] == [0, 0, 1, 0, 0, 0]
    (decision,) = decisions[2]
    assert (decision.verdict, decision.subject_id) == (Verdict.KNOWN, "orl-s12")
    assert (decision.votes, decision.frames) == (3, 3)
    assert decision.score >= decision.threshold == THRESHOLD
    assert pipeline.finish() == ()


def test_a_stranger_is_never_named(pipeline: Pipeline) -> None:
    """A person who is not enrolled is unsure or a stranger at the end of the walk."""
    for person in ("orl-s08", "orl-s35"):
        assert see(pipeline, walk(person)) == [[]] * 6
        (decision,) = pipeline.finish()
        assert decision.verdict in {Verdict.UNSURE, Verdict.STRANGER}
        assert decision.subject_id is None


def test_a_track_is_decided_when_the_gap_has_passed(pipeline: Pipeline) -> None:
    """The first frame after the gap gives the decision on a stranger's track."""
    see(pipeline, walk("orl-s08"), start_s=10.0)
    empty: Image = np.full((240, 320, 3), 128, np.uint8)
    assert see(pipeline, [empty], start_s=11.4) == [[]]
    ((decision,),) = see(pipeline, [empty], start_s=11.6)
    assert decision.verdict is not Verdict.KNOWN


def test_two_people_at_once_get_their_own_names(pipeline: Pipeline) -> None:
    """The frames of people side by side are averaged separately."""
    both = [
        np.hstack([left, right])
        for left, right in zip(walk("orl-s12"), walk("orl-s30"), strict=True)
    ]
    named = [d.subject_id for found in see(pipeline, both) for d in found]
    assert sorted(str(name) for name in named) == ["orl-s12", "orl-s30"]


def test_faces_of_low_quality_are_not_used(pipeline: Pipeline) -> None:
    """A blurred walk gives no decision."""
    blurred = [
        np.asarray(cv2.GaussianBlur(image, (0, 0), 8), np.uint8) for image in walk("orl-s12")
    ]
    assert see(pipeline, blurred) == [[]] * 6
    assert pipeline.finish() == ()


def test_a_new_gallery_is_used_from_the_next_frame(
    pipeline: Pipeline, enrolled: Callable[[str], Floats]
) -> None:
    """A person enrolled during the walk is named after enough frames with the new gallery."""
    pictures = walk("orl-s35", 12)
    before, after = pictures[:2], pictures[2:]
    assert see(pipeline, before) == [[]] * 2
    pipeline.matcher = matcher(enrolled, "orl-s12", "orl-s30", "orl-s35")
    named = [d.subject_id for found in see(pipeline, after, start_s=10.2) for d in found]
    assert named == ["orl-s35"]


def test_an_empty_gallery_names_nobody(pipeline: Pipeline) -> None:
    """With nobody enrolled everybody is a stranger."""
    pipeline.matcher = Matcher(Gallery("small", {}), PLAIN)
    assert see(pipeline, walk("orl-s12")) == [[]] * 6
    assert [d.verdict for d in pipeline.finish()] == [Verdict.STRANGER]


def test_an_enrolled_person_upside_down_is_not_named(pipeline: Pipeline) -> None:
    """No decision is made, and each frame's result says why its face is refused."""
    upside_down = [np.ascontiguousarray(image[::-1, ::-1]) for image in walk("orl-s12")]
    results = [pipeline.process(frame) for frame in frames(upside_down)]
    assert {result.qualities for result in results} == {(Quality(0.0, UPSIDE_DOWN),)}
    assert [result.decisions for result in results] == [()] * 6
    assert pipeline.finish() == ()


def test_the_result_of_a_frame_has_the_quality_of_each_face(pipeline: Pipeline) -> None:
    """Usable faces have a weight and no reason; a frame without faces has no quality."""
    both = np.hstack([walk("orl-s12")[0], walk("orl-s30")[0]])
    empty: Image = np.full((240, 640, 3), 128, np.uint8)
    found, none = (pipeline.process(frame).qualities for frame in frames([both, empty]))
    assert [quality.reason for quality in found] == ["", ""]
    assert all(quality.weight > 0 for quality in found)
    assert none == ()
