"""Enrol a person: pictures go in, templates come out, and no picture is kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kiosk.errors import PhotoError
from kiosk.recognition.detect import Detector
from kiosk.recognition.embed import Embedder
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.match import Cohort, Matcher
from kiosk.recognition.photo import only_face
from kiosk.recognition.probe import make_probe
from kiosk.recognition.quality import Limits
from kiosk.records import Floats, Image

TEMPLATES_MAX: Final = 12
"""Of more pictures the mean of the templates is no better."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A picture that gave no template, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Enrolment:
    """What the pictures of one person gave.

    Attributes:
        templates: ``(t, 128)`` float32 of length 1, at least one.
        rejected: The pictures left out.
        near: Subject ids already enrolled that look so alike that the two may be mixed up.
    """

    templates: Floats
    rejected: tuple[Rejected, ...]
    near: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Enroller:
    """Make templates by the same stages that the door uses.

    Attributes:
        detector: Finds the face.
        embedder: Embeds it.
        cohort: Of the model, which scores are held against.
        limits: What a face must be.
        same_min: Two pictures of one person are at least this alike (:mod:`.match`).
        near_min: Two people are too near from here on, likewise.
    """

    detector: Detector
    embedder: Embedder
    cohort: Cohort
    limits: Limits
    same_min: float
    near_min: float

    def enrol(self, pictures: Iterable[tuple[str, Image]], gallery: Gallery) -> Enrolment:
        """Make templates of one person.

        Args:
            pictures: Names (for messages) and ``(height, width, 3)`` uint8 BGR.
            gallery: Who is enrolled already, without this person.

        Raises:
            PhotoError: No picture was usable; the message lists them all.
        """
        found: list[tuple[str, Floats]] = []
        rejected: list[Rejected] = []
        for name, picture in pictures:
            try:
                found.append((name, self._template(picture)))
            except PhotoError as exc:
                rejected.append(Rejected(name, str(exc)))
        found, strays = self._without_strays(found)
        rejected += strays
        if not found:
            reasons = "; ".join(f"{item.name}: {item.reason}" for item in rejected)
            raise PhotoError(f"no usable picture ({reasons or 'none given'})")
        templates = np.stack([template for _, template in found[:TEMPLATES_MAX]])
        return Enrolment(templates, tuple(rejected), self._near(templates, gallery))

    def _template(self, picture: Image) -> Floats:
        face = only_face(picture, self.detector)
        probe = make_probe(picture, face, self.limits, self.embedder)
        if probe.embedding is None:
            raise PhotoError(probe.quality.reason)
        return probe.embedding

    def _without_strays(
        self, found: Sequence[tuple[str, Floats]]
    ) -> tuple[list[tuple[str, Floats]], list[Rejected]]:
        """Leave out pictures that show somebody else than most of the pictures do."""
        if len(found) < 2:
            return list(found), []
        stack = np.stack([template for _, template in found])
        alike = self.cohort.scores(stack, stack) >= self.same_min
        kept = alike[int(np.argmax(alike.sum(axis=1)))]
        if 2 * kept.sum() <= len(found):
            raise PhotoError("most pictures do not look like one person; take new ones")
        strays = [
            Rejected(name, "does not look like the other pictures")
            for (name, _), keep in zip(found, kept, strict=True)
            if not keep
        ]
        return [item for item, keep in zip(found, kept, strict=True) if keep], strays

    def _near(self, templates: Floats, gallery: Gallery) -> tuple[str, ...]:
        scores = Matcher(gallery, self.cohort).scores(templates).max(axis=0)
        return tuple(
            subject
            for subject, score in zip(gallery.templates, scores, strict=True)
            if score >= self.near_min
        )
