"""Measure enrolment on the photos of recipe ``report``: same people, same held-out photos.

The classifier must be trained again for every new person; the embedding is used as shipped, and
each person is enrolled from a few of the photos that the classifier was trained on. Here each
photo is one decision; at the door, the frames of one track vote together.
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
from train.classifier.fit import score
from train.classifier.photos import ReportPhotos
from train.classifier.report import ClassifierReport
from train.classifier.run import Run
from train.metrics import Bools, Ints, Rate, hit_rate

ENROLMENT_PHOTOS: Final = (3, 10)
"""How many photos each person is enrolled from; the smaller set is part of the larger."""


def enrolment_methods(
    run: Run,
    report_photos: ReportPhotos,
    strangers: Image,
    unseen: Bools | None,
    embedder: Embedder,
    cohort: Cohort,
    threshold: float,
) -> tuple[Method, ...]:
    """Enrol everybody from each number of :data:`ENROLMENT_PHOTOS`, and name the held-out photos.

    The kiosk's quality check and its comparison of enrolment photos are skipped, because for some
    photos only the crop exists.

    Args:
        run: The classifier's run; it tells which photos are held out.
        report_photos: The photos of that run.
        strangers: ``(m, 112, 112, 3)`` uint8 RGB, crops of other people; may be empty.
        unseen: ``(people,)`` who is outside the crop set's training split, or ``None``.
        embedder: The shipped one.
        cohort: Shipped with it.
        threshold: Least score for a name.
    """
    labels, held_out = report_photos.labelled.labels, run.held_out
    drawn = draw_enrolment(labels, held_out, max(ENROLMENT_PHOTOS), run.config.seed)
    enrolled = [_embed(report_photos.crops[own], embedder) for own in drawn]
    probes = _embed(report_photos.crops[held_out], embedder)
    stranger_probes = _embed(strangers, embedder)
    methods = []
    for count in ENROLMENT_PHOTOS:
        gallery = Gallery("", {str(who): own[:count] for who, own in enumerate(enrolled)})
        matcher = Matcher(gallery, cohort)
        scores = matcher.scores(probes)
        named = matcher.scores(stranger_probes).max(axis=1) >= threshold
        some = np.flatnonzero(~held_out)[:count]
        method = _method(
            f"enrolled from {count} photos",
            right=scores.argmax(axis=1) == labels[held_out],
            reached=scores.max(axis=1) >= threshold,
            unseen=None if unseen is None else unseen[labels[held_out]],
            threshold=threshold,
            strangers=hit_rate(named) if len(named) else None,
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
    """Return the classifier's figures.

    Args:
        run: The classifier's run.
        report_photos: The photos of that run.
        report: The classifier's report.
        unseen: As for :func:`enrolment_methods`.
    """
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


def draw_enrolment(labels: Ints, held_out: Bools, photos_max: int, seed: int) -> tuple[Ints, ...]:
    """Choose training photos at random to enrol each person from.

    Args:
        labels: ``(n,)`` the person on each photo, 0 to people - 1.
        held_out: ``(n,)`` whether it is held out.
        photos_max: How many photos per person; all if there are fewer.
        seed: Decides which photos.

    Returns:
        For each person, the indices of the photos in the order in which to use them.
    """
    rng = np.random.default_rng(seed)
    people = range(int(labels.max()) + 1)
    return tuple(
        rng.permutation(np.flatnonzero((labels == who) & ~held_out))[:photos_max] for who in people
    )


def enrolment_seconds(
    photos: Image, crops: Image, embedder: Embedder, gallery: Gallery, cohort: Cohort
) -> float:
    """Measure the time to enrol one more person: detect, embed, build the matcher.

    Args:
        photos: ``(n, size, size, 3)`` uint8 RGB, searched for a face.
        crops: ``(n, 112, 112, 3)`` uint8 RGB, the aligned faces of these photos.
        embedder: The shipped one.
        gallery: The people enrolled already.
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
    """Compute the rates from the hits on the held-out photos."""
    return Method(
        name=name,
        held_out=hit_rate(right),
        unseen=None if unseen is None or not unseen.any() else hit_rate(right[unseen]),
        threshold=threshold,
        right=hit_rate(reached & right),
        wrong=hit_rate(reached & ~right),
        strangers=strangers,
        new_person_s=new_person_s,
    )
