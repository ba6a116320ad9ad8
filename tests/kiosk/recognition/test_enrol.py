"""Enrolment: from a person's pictures to templates of that person alone."""

from collections.abc import Iterable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.config.keys import QualitySection
from kiosk.demo.sample_people import enrolment_photos
from kiosk.errors import PhotoError
from kiosk.recognition.align import align
from kiosk.recognition.detect import Detector
from kiosk.recognition.embed import TfliteEmbedder
from kiosk.recognition.enrol import TEMPLATES_MAX, Enroller, Enrolment, MirrorEmbedder
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.match import Matcher
from kiosk.recognition.photo import find_single_face
from kiosk.recognition.upright import UprightCheck
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image
from tests.support import needs_photos
from tests.support_recognition import PLAIN, THRESHOLD, embedding, picture, small_bundle

NOBODY = Gallery("small", {})
EMPTY_ROOM: Image = np.full((240, 320, 3), 128, np.uint8)


@pytest.fixture(scope="module")
def enroller() -> Enroller:
    return Enroller(
        Detector(),
        TfliteEmbedder(small_bundle()),
        PLAIN,
        QualitySection(),
        UprightCheck(),
        same_min=THRESHOLD - 0.05,
        near_min=THRESHOLD,
    )


def named(*pictures: Image) -> Iterable[tuple[str, Image]]:
    return ((f"{index}.jpg", picture) for index, picture in enumerate(pictures, 1))


def photos(person: str, *numbers: int) -> list[Image]:
    """Some of a person's five pictures, numbered from 1."""
    return [picture(enrolment_photos(person)[number - 1]) for number in numbers]


def enrol(enroller: Enroller, *pictures: Image, gallery: Gallery = NOBODY) -> Enrolment:
    return enroller.enrol(named(*pictures), gallery)


@needs_photos
def test_each_usable_picture_gives_a_template(enroller: Enroller) -> None:
    """Pictures of one person give one template each, of length 1, and none is rejected."""
    outcome = enrol(enroller, *photos("orl-s12", 1, 2, 3, 4, 5))
    assert outcome.templates.shape == (5, 128)
    assert np.linalg.norm(outcome.templates, axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert (outcome.rejected, outcome.near) == ((), ())


@needs_photos
def test_a_picture_and_its_mirror_image_give_one_template(enroller: Enroller) -> None:
    """The template is the same for both, and near the embedding of each."""
    (photo,) = photos("orl-s12", 1)
    crop = align(photo, find_single_face(photo, enroller.detector).landmarks)
    mirrored = np.ascontiguousarray(crop[:, ::-1])
    embedder = MirrorEmbedder(enroller.embedder)
    template = embedder.embed(crop)
    assert template == pytest.approx(embedder.embed(mirrored), abs=1e-6)
    assert enrol(enroller, photo).templates[0] == pytest.approx(template, abs=1e-6)
    cosines = [float(template @ enroller.embedder.embed(one)) for one in (crop, mirrored)]
    assert cosines[0] == pytest.approx(cosines[1], abs=1e-5)


@needs_photos
def test_another_picture_of_an_enrolled_person_matches(enroller: Enroller) -> None:
    """Templates come from the door's own stages, so a new picture of the person matches."""
    first = enrol(enroller, *photos("orl-s12", 1, 2, 3)).templates
    other = enrol(enroller, *photos("orl-s30", 1, 2, 3)).templates
    probe = enrol(enroller, *photos("orl-s12", 4)).templates[0]
    gallery = Gallery("small", {"one": first, "other": other})
    match = Matcher(gallery, enroller.cohort).match(probe)
    assert match.subject_id == "one"
    assert match.score > THRESHOLD


@needs_photos
def test_unusable_pictures_are_rejected_with_the_reason(enroller: Enroller) -> None:
    """No face, several faces, blur, darkness, a turn: each is reported with the picture's name."""
    (good,) = photos("orl-s12", 1)
    (other,) = photos("orl-s08", 1)
    outcome = enrol(
        enroller,
        good,
        EMPTY_ROOM,
        np.hstack([good[:, :190], other[:, :190]]),
        np.asarray(cv2.GaussianBlur(good, (0, 0), 8), np.uint8),
        good // 8,
        np.ascontiguousarray(good[::-1, ::-1]),
    )
    assert len(outcome.templates) == 1
    assert [(item.name, item.reason) for item in outcome.rejected] == [
        ("2.jpg", "no face"),
        ("3.jpg", "several faces"),
        ("4.jpg", "blurred"),
        ("5.jpg", "too dark"),
        ("6.jpg", "upside down"),
    ]


@needs_photos
def test_a_picture_of_another_person_is_rejected(enroller: Enroller) -> None:
    """A picture unlike most others would enrol another person under this id."""
    outcome = enrol(enroller, *photos("orl-s08", 1), *photos("orl-s12", 1, 2, 3))
    assert len(outcome.templates) == 3
    assert [(item.name, item.reason) for item in outcome.rejected] == [
        ("1.jpg", "does not look like the other pictures")
    ]


@needs_photos
def test_pictures_of_two_people_in_equal_number_are_rejected(enroller: Enroller) -> None:
    """Without a majority it is unclear who is meant, and nobody is enrolled."""
    with pytest.raises(PhotoError, match="do not look like one person"):
        enrol(enroller, *photos("orl-s08", 1, 2), *photos("orl-s12", 1, 2))


def test_without_a_usable_picture_all_reasons_are_listed(enroller: Enroller) -> None:
    """The error lists each picture, or says that none was given."""
    with pytest.raises(PhotoError, match=r"1\.jpg: no face; 2\.jpg: no face"):
        enrol(enroller, EMPTY_ROOM, EMPTY_ROOM)
    with pytest.raises(PhotoError, match="none given"):
        enrol(enroller)


@needs_photos
def test_at_most_twelve_templates_are_kept(enroller: Enroller) -> None:
    """Pictures beyond TEMPLATES_MAX give no template."""
    outcome = enrol(enroller, *(photos("orl-s12", 1, 2, 3, 4, 5) * 3))
    assert len(outcome.templates) == TEMPLATES_MAX


@needs_photos
def test_similar_enrolled_people_are_named(enroller: Enroller) -> None:
    """An enrolled person with a score at the threshold is reported; others are not."""
    gallery = Gallery(
        "small",
        {
            "s-30": enrol(enroller, *photos("orl-s30", 1, 2, 3)).templates,
            "twin": enrol(enroller, *photos("orl-s12", 1, 2, 3)).templates,
        },
    )
    assert enrol(enroller, *photos("orl-s12", 4, 5), gallery=gallery).near == ("twin",)


def around(centre: int, seed: int) -> Floats:
    """A picture's embedding: near the person's own direction, far from others'."""
    return unit(embedding(centre) + 0.3 * embedding(1000 + seed))


@given(st.lists(st.sampled_from([1, 2, 3]), min_size=2, max_size=12))
def test_nobody_is_enrolled_without_a_majority(enroller: Enroller, people: list[int]) -> None:
    """The kept pictures are all of one person, and more than half of those given."""
    found = [(f"{i}", around(person, i)) for i, person in enumerate(people)]
    most = max(set(people), key=people.count)
    if 2 * people.count(most) > len(people):
        kept, strays = enroller._without_other_people(found)
        assert [name for name, _ in kept] == [f"{i}" for i, p in enumerate(people) if p == most]
        assert len(kept) + len(strays) == len(people)
    else:
        with pytest.raises(PhotoError, match="do not look like one person"):
            enroller._without_other_people(found)
