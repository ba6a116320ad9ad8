"""The model card: what a bundle says of its model, and the thresholds to choose from."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from kiosk.errors import ConfigError


class OperatingPoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A threshold, and its error rates measured on development people.

    Attributes:
        fpir: False positive identification rate that the threshold was set for: the share of
            strangers who walk past and get a name. Until version 2 of the card: of strangers'
            photos, and the upper end of its 95 % interval.
        gallery_size: How many people were enrolled.
        threshold: Lowest score (:mod:`kiosk.recognition.match`) at which a probe is known.
        fnir: False negative identification rate at that threshold, on the same people.
        extrapolated: The gallery is larger than the number of people measured; the card says by
            which method its threshold was computed.
    """

    fpir: Annotated[float, Meta(gt=0, lt=1)]
    gallery_size: Annotated[int, Meta(ge=1)]
    threshold: Annotated[float, Meta(ge=-1, le=1)]
    fnir: Annotated[float, Meta(ge=0, le=1)]
    extrapolated: bool = False


class ModelCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The model card: what to know before trusting the model.

    Attributes:
        model_id: Name and the first 12 hex digits of the checksum; galleries carry it.
        contract: :func:`kiosk.contract.fingerprint` that the model was trained with.
        sha256: Of ``model.tflite``.
        cohort_nearest: How many nearest cohort members the thresholds were measured with.
        cohort_weight: How much of the mean cosine to them was subtracted (version 2: all).
        architecture: In words, with the number of weights.
        quantisation: The input contract in full, types, scales and zero points of input and
            output, and the measured losses.
        schema_version: 3; version 2 has no extrapolated operating points and is still read.
        operating_points: Thresholds to choose from by FPIR and gallery size.
        evaluation: The measured figures with n and confidence intervals.
        training: Recipe, data with their terms of use, what else was tried.
        licence: Licence of the weights, and what they may be used for.
        created: RFC 3339.
    """

    schema_version: Annotated[int, Meta(ge=2, le=3)] = 3
    model_id: str
    contract: str
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    cohort_nearest: int
    cohort_weight: float = 1.0
    architecture: str
    quantisation: dict[str, Any]
    operating_points: Annotated[tuple[OperatingPoint, ...], Meta(min_length=1)]
    evaluation: dict[str, Any]
    training: dict[str, Any]
    licence: str
    created: str

    def operating_point(self, fpir: float, gallery_size: int) -> OperatingPoint:
        """Return the operating point for an FPIR and a gallery size.

        It is that of the smallest gallery on the card that is large enough. For more people than
        that it is that of the largest, and the FPIR grows with the gallery.

        Raises:
            ConfigError: The card has no threshold for that FPIR.
        """
        points = [point for point in self.operating_points if abs(point.fpir - fpir) < 1e-9]
        if not points:
            known = sorted({point.fpir for point in self.operating_points})
            raise ConfigError(f"decision.fpir: {fpir} is not on the model card, expected {known}")
        points.sort(key=lambda point: point.gallery_size)
        return next((point for point in points if point.gallery_size >= gallery_size), points[-1])

    def thresholds(
        self,
        fpir: float,
        gallery_size: int,
        *,
        threshold: float | None = None,
        unsure: float | None = None,
    ) -> tuple[float, float]:
        """Return the threshold and the unsure threshold; a value that is given replaces the card's.

        Raises:
            ConfigError: The card has no threshold for that FPIR, or the thresholds contradict each
                other.
        """
        if threshold is None:
            threshold = self.operating_point(fpir, gallery_size).threshold
        if unsure is None:
            fpir_max = max(point.fpir for point in self.operating_points)
            unsure = min(threshold, self.operating_point(fpir_max, gallery_size).threshold)
        if unsure > threshold:
            raise ConfigError(f"decision.unsure_threshold: expected at most {threshold:.3f}")
        return threshold, unsure
