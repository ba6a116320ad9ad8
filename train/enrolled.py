"""What enrolment gives on the photos of recipe ``report``: same people, same held-out photos.

The classifier has to be trained anew for everybody; the embedding is as shipped, and each person
is enrolled from a few photos of the side that the classifier was trained on. One photo is one
decision here: at the door, the photos of one walk vote together.
"""

import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from kiosk.contract import EMBEDDING_DIM
from kiosk.detect import Detector
from kiosk.embed import Embedder
from kiosk.gallery import Gallery
from kiosk.records import Floats, Image, Match
from train.album import Collection
from train.baseline import Run, score
from train.baseline_report import BaselineReport
from train.compare import Way
from train.metrics import Bools, Ints, Rate, wilson

ENROLMENT_PHOTOS: Final = (3, 10)
"""From how many photos each person is enrolled; the fewer are among the more."""


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """Embeddings, each ``(n, 128)`` float32 of length 1.

    Attributes:
        enrolled: Those of each person's photos drawn for enrolment.
        probes: Those of the held-out photos.
        strangers: Those of strangers' photos.
    """

    enrolled: tuple[Floats, ...]
    probes: Floats
    strangers: Floats


def draw_enrolment(labels: Ints, held_out: Bools, most: int, seed: int) -> tuple[Ints, ...]:
    """Draw photos of the training side to enrol each person from, in the order to take them."""
    rng = np.random.default_rng(seed)
    people = range(int(labels.max()) + 1)
    return tuple(
        rng.permutation(np.flatnonzero((labels == who) & ~held_out))[:most] for who in people
    )


def embed_vectors(
    collection: Collection, run: Run, strangers: Image, embedder: Embedder
) -> Vectors:
    """Embed what is needed of the photos, and strangers' crops ``(m, 112, 112, 3)``.

    The photos to enrol from are not judged or compared with each other as the kiosk does, because
    of some there is but the crop.
    """
    labels, most = collection.album.labels, max(ENROLMENT_PHOTOS)
    drawn = draw_enrolment(labels, run.held_out, most, run.config.seed)
    return Vectors(
        tuple(_embed(collection.crops[own], embedder) for own in drawn),
        _embed(collection.crops[run.held_out], embedder),
        _embed(strangers, embedder),
    )


def enrolment_seconds(photos: Image, crops: Image, embedder: Embedder, gallery: Gallery) -> float:
    """Measure what enrolling one more person takes on this machine: find, embed, lay out anew.

    Args:
        photos: ``(n, size, size, 3)`` uint8 RGB, searched for a face.
        crops: ``(n, 112, 112, 3)`` uint8 RGB, the crops that finding it would give.
        embedder: The embedder.
        gallery: Who is enrolled already.
    """
    detector = Detector()
    began_s = time.perf_counter()
    for photo in photos:
        detector.find(np.ascontiguousarray(photo[:, :, ::-1]))
    gallery.with_subject("one more", _embed(crops, embedder))
    return time.perf_counter() - began_s


def classifier_way(
    run: Run, collection: Collection, report: BaselineReport, unseen: Bools | None
) -> Way:
    """Give the classifier's figures.

    Args:
        run: The finished run.
        collection: Its photos.
        report: What it amounts to.
        unseen: ``(people,)`` whether the embedding was not trained on them, or ``None``.
    """
    labels = collection.album.labels[run.held_out]
    found = score(run, collection.album.photos[run.held_out])
    strangers = report.strangers
    return _way(
        "classifier of the report",
        right=found.argmax(axis=1) == labels,
        named=found.max(axis=1) >= report.threshold,
        unseen=None if unseen is None else unseen[labels],
        threshold=report.threshold,
        strangers=None if strangers is None else strangers.named_at_threshold,
        new_person_s=report.training_s,
    )


def embedding_way(
    vectors: Vectors,
    count: int,
    labels: Ints,
    unseen: Bools | None,
    threshold: float,
    new_person_s: float,
) -> Way:
    """Enrol each person from ``count`` photos and give the embedding's figures.

    Args:
        vectors: The embeddings.
        count: How many photos each is enrolled from, or all where there are fewer.
        labels: ``(n,)`` who is on each held-out photo.
        unseen: As in :func:`classifier_way`.
        threshold: Cosine.
        new_person_s: As measured.
    """
    gallery = enrol_all(vectors, count)
    matches = [gallery.match(probe) for probe in vectors.probes]
    strangers = _reach([gallery.match(probe) for probe in vectors.strangers], threshold)
    return _way(
        f"enrolled from {count} photos",
        right=np.array([match.subject_id for match in matches]) == labels.astype(str),
        named=_reach(matches, threshold),
        unseen=None if unseen is None else unseen[labels],
        threshold=threshold,
        strangers=_rate(strangers) if len(strangers) else None,
        new_person_s=new_person_s,
    )


def enrol_all(vectors: Vectors, count: int) -> Gallery:
    """Make a gallery of everybody; the subject ids are the numbers of the labels."""
    return Gallery("", {str(who): own[:count] for who, own in enumerate(vectors.enrolled)})


def _way(
    way: str,
    *,
    right: Bools,
    named: Bools,
    unseen: Bools | None,
    threshold: float,
    strangers: Rate | None,
    new_person_s: float,
) -> Way:
    return Way(
        way=way,
        held_out=_rate(right),
        unseen=None if unseen is None else _rate(right[unseen]),
        threshold=threshold,
        right=_rate(named & right),
        wrong=_rate(named & ~right),
        strangers=strangers,
        new_person_s=new_person_s,
    )


def _embed(crops: Image, embedder: Embedder) -> Floats:
    found = [embedder.embed(crop) for crop in crops]
    return np.reshape(found, (-1, EMBEDDING_DIM)).astype(np.float32)


def _reach(matches: list[Match], threshold: float) -> Bools:
    return np.array([match.score >= threshold for match in matches], np.bool_)


def _rate(hits: Bools) -> Rate:
    return wilson(int(hits.sum()), len(hits))


