"""Match a probe with the gallery: how much nearer is each enrolled person than strangers get?

A cosine means different things for different faces: small children lie near each other, and a
blurred face lies far from everybody. So each cosine is normalised by an impostor cohort, faces of
people who are not enrolled: a share of the mean cosine of probe and person to their nearest cohort
members is subtracted (adaptive symmetric score normalisation, AS-norm; Auckenthaler et al., "Score
normalization for text-independent speaker verification systems", 2000; Matejka et al., "Analysis
of score normalization in multilingual speaker recognition", 2017; means alone, without the
division by the deviation).
"""

from dataclasses import dataclass

import numpy as np

from kiosk.contract import COHORT_NEAREST, COHORT_WEIGHT, EMBEDDING_DIM
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Match


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Impostor cohort for score normalisation (AS-norm).

    Attributes:
        embeddings: ``(m, dim)`` float32 of length 1, at least ``COHORT_NEAREST`` rows; without
            rows, a score is a plain cosine.
    """

    embeddings: Floats

    def __post_init__(self) -> None:
        """Reject a cohort with fewer members than are averaged."""
        if 0 < len(self.embeddings) < COHORT_NEAREST:
            found = len(self.embeddings)
            raise ValueError(f"{found} faces in the cohort, expected {COHORT_NEAREST} or none")

    def impostor_mean(self, embeddings: Floats) -> Floats:
        """Compute each embedding's mean cosine to its ``COHORT_NEAREST`` nearest cohort members.

        Args:
            embeddings: ``(n, dim)`` float32 of length 1.

        Returns:
            ``(n,)`` float32; zeros without a cohort.
        """
        if len(self.embeddings) == 0:
            return np.zeros(len(embeddings), np.float32)
        cosines = embeddings @ self.embeddings.T
        nearest = np.partition(cosines, -COHORT_NEAREST, axis=1)[:, -COHORT_NEAREST:]
        return np.asarray(nearest.mean(axis=1), np.float32)

    def scores(self, probes: Floats, references: Floats) -> Floats:
        """Compute the normalised scores of ``(n, dim)`` and ``(m, dim)``; ``(n, m)`` float32."""
        cosines = probes @ references.T
        return _normalise(cosines, self.impostor_mean(probes), self.impostor_mean(references))


def _normalise(cosines: Floats, probe_means: Floats, reference_means: Floats) -> Floats:
    means = (probe_means[:, None] + reference_means) / 2
    return np.asarray(cosines - COHORT_WEIGHT * means, np.float32)


def mean_template(templates: Floats) -> Floats:
    """Compute the mean direction of a person's ``(t, dim)`` templates; ``(dim,)`` of length 1.

    On development people it identifies better than the best template does.
    """
    return unit(templates.mean(axis=0))


def templates_score(cohort: Cohort, templates: Floats, others: Floats) -> float:
    """Compute the normalised score of two sets of ``(t, dim)`` templates: of their means."""
    one, other = mean_template(templates)[None], mean_template(others)[None]
    return float(cohort.scores(one, other)[0, 0])


class Matcher:
    """A gallery prepared for matching.

    Args:
        gallery: The enrolled people.
        cohort: The cohort of the model that computed their templates.

    Attributes:
        subjects: Subject ids of the enrolled people, in the order of the gallery.
        revision: How often the gallery was changed.
        content_hash: Of the gallery.
    """

    def __init__(self, gallery: Gallery, cohort: Cohort) -> None:
        self.subjects = tuple(gallery.templates)
        self.revision, self.content_hash = gallery.revision, gallery.content_hash
        means = [mean_template(templates) for templates in gallery.templates.values()]
        self._templates = np.stack(means) if means else np.empty((0, EMBEDDING_DIM), np.float32)
        self._cohort = cohort
        self._impostor_means = cohort.impostor_mean(self._templates)

    def __len__(self) -> int:
        """Return how many people are enrolled."""
        return len(self.subjects)

    def scores(self, probes: Floats) -> Floats:
        """Compute the normalised scores of probes and all enrolled people.

        Args:
            probes: ``(n, dim)`` float32 of length 1.

        Returns:
            ``(n, people)`` float32, people in the order of ``subjects``.
        """
        cosines = probes @ self._templates.T
        return _normalise(cosines, self._cohort.impostor_mean(probes), self._impostor_means)

    def match(self, probe: Floats) -> Match:
        """Return the nearest person to a ``(128,)`` probe, with score and margin."""
        scores = self.scores(probe[None])[0]
        if len(scores) == 0:
            return Match(None, -1.0, 0.0)
        best = int(np.argmax(scores))  # before the clip, which would make two scores above 1 equal
        scores = np.clip(scores, -1.0, 1.0)
        second = float(np.delete(scores, best).max()) if len(scores) > 1 else -1.0
        return Match(self.subjects[best], float(scores[best]), float(scores[best]) - second)
