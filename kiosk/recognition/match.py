"""Match a probe with the gallery: how much nearer is each enrolled person than strangers get?

A cosine means different things for different faces: small children lie near each other, and a
blurred face lies far from everybody. So each cosine is held against a cohort, faces of nobody who
is enrolled: what probe and person reach with the nearest of it is taken off (adaptive symmetric
score normalisation; Auckenthaler et al., "Score normalization for text-independent speaker
verification systems", 2000; Matejka et al., "Analysis of score normalization in multilingual
speaker recognition", 2017; means alone, without the division by the deviation).
"""

from dataclasses import dataclass

import numpy as np

from kiosk.contract import COHORT_NEAREST, EMBEDDING_DIM
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Match


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Faces that nobody enrolled has, which scores are held against.

    Attributes:
        centres: ``(m, dim)`` float32 of length 1, at least ``COHORT_NEAREST``; or none at all,
            and a score is a plain cosine.
    """

    centres: Floats

    def __post_init__(self) -> None:
        """Refuse a cohort that is too small to say anything."""
        if 0 < len(self.centres) < COHORT_NEAREST:
            found = len(self.centres)
            raise ValueError(f"{found} faces in the cohort, expected {COHORT_NEAREST} or none")

    def level(self, embeddings: Floats) -> Floats:
        """Tell how near strangers get.

        Args:
            embeddings: ``(n, dim)`` float32 of length 1.

        Returns:
            ``(n,)`` float32, the mean cosine to the nearest of the cohort.
        """
        if len(self.centres) == 0:
            return np.zeros(len(embeddings), np.float32)
        cosines = embeddings @ self.centres.T
        nearest = np.partition(cosines, -COHORT_NEAREST, axis=1)[:, -COHORT_NEAREST:]
        return np.asarray(nearest.mean(axis=1), np.float32)

    def scores(self, probes: Floats, references: Floats) -> Floats:
        """Compare ``(n, dim)`` with ``(m, dim)``; ``(n, m)`` float32, each pair held against it."""
        return _less(probes @ references.T, self.level(probes), self.level(references))


def _less(cosines: Floats, probe_levels: Floats, reference_levels: Floats) -> Floats:
    return np.asarray(cosines - (probe_levels[:, None] + reference_levels) / 2, np.float32)


def centre(templates: Floats) -> Floats:
    """Join a person's ``(t, dim)`` templates; ``(dim,)`` float32 of length 1, their mean direction.

    On development people it tells better who is who than the best template does.
    """
    return unit(templates.mean(axis=0))


class Matcher:
    """A gallery made ready to be matched with.

    Args:
        gallery: Who is enrolled.
        cohort: Of the model that made its templates.

    Attributes:
        subjects: Ids of who is enrolled, in the order of the gallery.
    """

    def __init__(self, gallery: Gallery, cohort: Cohort) -> None:
        self.subjects = tuple(gallery.templates)
        centres = [centre(templates) for templates in gallery.templates.values()]
        self._centres = np.stack(centres) if centres else np.empty((0, EMBEDDING_DIM), np.float32)
        self._cohort = cohort
        self._levels = cohort.level(self._centres)

    def __len__(self) -> int:
        """How many people are enrolled."""
        return len(self.subjects)

    def scores(self, probes: Floats) -> Floats:
        """Compare ``(n, dim)`` float32 probes of length 1 with everybody.

        Returns:
            ``(n, people)`` float32, people as in ``subjects``.
        """
        return _less(probes @ self._centres.T, self._cohort.level(probes), self._levels)

    def match(self, probe: Floats) -> Match:
        """Name the person nearest to a ``(128,)`` probe, and how much nearer than the second."""
        scores = self.scores(probe[None])[0]
        if len(scores) == 0:
            return Match(None, -1.0, 0.0)
        best = int(np.argmax(scores))  # before the clip, which would make equals of two above 1
        scores = np.clip(scores, -1.0, 1.0)
        second = float(np.delete(scores, best).max()) if len(scores) > 1 else -1.0
        return Match(self.subjects[best], float(scores[best]), float(scores[best]) - second)
