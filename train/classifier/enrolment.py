"""What enrolment gives on the photos of recipe ``report``: same people, same held-out photos.

The classifier has to be trained anew for everybody; the embedding is as shipped, and each person
is enrolled from a few photos of the side that the classifier was trained on. One photo is one
decision here: at the door, the photos of one walk vote together.
"""

import time
from typing import Final

import numpy as np

from kiosk.contract import EMBEDDING_DIM
from kiosk.recognition.detect import Detector
from kiosk.recognition.embed import Embedder
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.match import Cohort, Matcher
from kiosk.records import Floats, Image
from train.classifier.comparison import Method
from train.classifier.fit import Run, score
from train.classifier.photos import ReportPhotos
from train.classifier.report import ClassifierReport
from train.evaluation.metrics import Bools, Ints, Rate, wilson

ENROLMENT_PHOTOS: Final = (3, 10)
"""From how many photos each person is enrolled; the fewer are among the more."""


def enrolment_methods(
    run: Run,
    report_photos: ReportPhotos,
    strangers: Image,
    unseen: Bools | None,
    embedder: Embedder,
    cohort: Cohort,
    threshold: float,
) -> tuple[Method, ...]:
    """Enrol everybody from each of :data:`ENROLMENT_PHOTOS`, and name the held-out photos.

    The photos to enrol from are not judged or compared with each other as the kiosk does, because
    of some there is nothing but the crop.

    Args:
        run: The classifier's run; it says which photos are held out.
        report_photos: Its photos.
        strangers: ``(m, 112, 112, 3)`` uint8 RGB, crops of nobody among them; may be empty.
        unseen: ``(people,)`` whether the embedding was not trained on them, or ``None``.
        embedder: The shipped one.
        cohort: Shipped with it.
        threshold: Score from which on somebody is named.
    """
    labels, held_out = report_photos.labelled.labels, run.held_out
    drawn = draw_enrolment(labels, held_out, max(ENROLMENT_PHOTOS), run.config.seed)
    enrolled = [_embed(report_photos.crops[own], embedder) for own in drawn]
    probes = _embed(report_photos.crops[held_out], embedder)
    others = _embed(strangers, embedder)
    methods = []
    for count in ENROLMENT_PHOTOS:
        gallery = Gallery("", {str(who): own[:count] for who, own in enumerate(enrolled)})
        matcher = Matcher(gallery, cohort)
        scores = matcher.scores(probes)
        reached = matcher.scores(others).max(axis=1) >= threshold
        some = np.flatnonzero(~held_out)[:count]
        method = _method(
            f"enrolled from {count} photos",
            right=scores.argmax(axis=1) == labels[held_out],
            reached=scores.max(axis=1) >= threshold,
            unseen=None if unseen is None else unseen[labels[held_out]],
            threshold=threshold,
            strangers=_rate(reached) if len(reached) else None,
            new_person_s=enrolment_seconds(
                report_photos.labelled.images[some],
                report_photos.crops[some],
                embedder,
                gallery,
                cohort,
            ),
        )
        methods.append(method)
    return tuple(methods)


def classifier_method(
    run: Run, report_photos: ReportPhotos, report: ClassifierReport, unseen: Bools | None
) -> Method:
    """Give the classifier's figures; ``report`` is what it amounts to, ``unseen`` as above."""
    labels = report_photos.labelled.labels[run.held_out]
    found = score(run, report_photos.labelled.images[run.held_out])
    strangers = report.strangers
    return _method(
        "classifier of the report",
        right=found.argmax(axis=1) == labels,
        reached=found.max(axis=1) >= report.threshold,
        unseen=None if unseen is None else unseen[labels],
        threshold=report.threshold,
        strangers=None if strangers is None else strangers.named_at_threshold,
        new_person_s=report.training_s,
    )


def draw_enrolment(labels: Ints, held_out: Bools, most: int, seed: int) -> tuple[Ints, ...]:
    """Draw photos of the training side to enrol each person from.

    Args:
        labels: ``(n,)`` who is on each photo, 0 to people - 1.
        held_out: ``(n,)`` whether it is held out.
        most: How many photos a person, or all where there are fewer.
        seed: Decides which.

    Returns:
        The photos of each person, in the order in which to take them.
    """
    rng = np.random.default_rng(seed)
    people = range(int(labels.max()) + 1)
    return tuple(
        rng.permutation(np.flatnonzero((labels == who) & ~held_out))[:most] for who in people
    )


def enrolment_seconds(
    photos: Image, crops: Image, embedder: Embedder, gallery: Gallery, cohort: Cohort
) -> float:
    """Measure what enrolling one more person takes on this machine: find, embed, make ready anew.

    Args:
        photos: ``(n, size, size, 3)`` uint8 RGB, searched for a face.
        crops: ``(n, 112, 112, 3)`` uint8 RGB, what would be cut out of them.
        embedder: The shipped one.
        gallery: Who is enrolled already.
        cohort: Shipped with the embedder.
    """
    detector = Detector()
    began_s = time.perf_counter()
    for photo in photos:
        detector.find(np.ascontiguousarray(photo[:, :, ::-1]))
    Matcher(gallery.with_subject("one more", _embed(crops, embedder)), cohort)
    return time.perf_counter() - began_s


def _embed(crops: Image, embedder: Embedder) -> Floats:
    found = [embedder.embed(crop) for crop in crops]
    return np.reshape(found, (-1, EMBEDDING_DIM)).astype(np.float32)


def _method(
    name: str,
    *,
    right: Bools,
    reached: Bools,
    unseen: Bools | None,
    threshold: float,
    strangers: Rate | None,
    new_person_s: float,
) -> Method:
    """Turn hits on the held-out photos into shares."""
    return Method(
        name=name,
        held_out=_rate(right),
        unseen=None if unseen is None else _rate(right[unseen]),
        threshold=threshold,
        right=_rate(reached & right),
        wrong=_rate(reached & ~right),
        strangers=strangers,
        new_person_s=new_person_s,
    )


def _rate(hits: Bools) -> Rate:
    return wilson(int(hits.sum()), len(hits))
