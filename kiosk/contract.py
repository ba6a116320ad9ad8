"""The contract between ``train``, ``convert`` and ``kiosk``: one aligned crop.

A crop is ``(112, 112, 3)`` uint8, RGB; a similarity transform maps five landmarks to the template
below. Pixel scaling is part of the model's graph, so no other code does arithmetic on pixels. Every
change of the facts below changes :func:`fingerprint`, and a kiosk rejects a model or a gallery with
another fingerprint.

The template is that of ArcFace (Deng et al., 2019), which nearly all published face recognisers
use.
"""

import hashlib
import json
from typing import Any, Final

import numpy as np
import numpy.typing as npt

CROP_PX: Final = 112
"""Side of a crop, pixels."""

EMBEDDING_DIM: Final = 128
"""Length of an embedding."""

COHORT_NEAREST: Final = 20
"""How many nearest cohort members normalise a score (``kiosk.recognition.match``)."""

COHORT_WEIGHT: Final = 0.5
"""How much of the mean cosine to these is subtracted from a score.

A model card says both numbers, because its thresholds were measured with them. How they were
chosen, with SFace in float: FNIR in % at an FPIR of 1 % on the same people, a cohort of 1,000.

==================  ====================  ====================  ==================  ===============
score               walks, 100 enrolled   the same, 24 pixels   photos, 30 / 420    web photos, 30
==================  ====================  ====================  ==================  ===============
cosine              14.2                  19.9                  6.8 / 16.8          3.0
weight 1, 5         17.6                  24.7                  3.4 / 6.1           3.4
weight 1, 20        16.6                  24.5                  3.3 / 5.9           3.2
weight 0.5, 20      13.8                  20.0                  4.1 / 7.2           2.8
==================  ====================  ====================  ==================  ===============

The photos mix children, grey and tight crops, which full normalisation makes comparable; on walks
it costs more than it gains.
"""

LANDMARKS: Final = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
"""Order of the five landmarks; left and right are the person's own (YuNet's order)."""

TEMPLATE: Final[npt.NDArray[np.float32]] = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ],
    dtype=np.float32,
)
"""Positions of the landmarks in a crop, ``(5, 2)`` pixels, x then y."""
TEMPLATE.setflags(write=False)

RESAMPLING: Final = "bilinear"
"""Of faces that are enlarged less than twice. Smaller ones are interpolated by cubics
(:func:`kiosk.recognition.align.interpolation`), which shows the network more of the same face:
models and galleries stay valid, so that is not in the fingerprint."""
BORDER: Final = "reflect101"


def facts() -> dict[str, Any]:
    """Return the contract: everything that shapes a crop, and the length of its embedding."""
    return {
        "crop": [CROP_PX, CROP_PX, 3],
        "dtype": "uint8",
        "channels": "RGB",
        "landmarks": LANDMARKS,
        "template": [[round(float(v), 4) for v in point] for point in TEMPLATE],
        "transform": "similarity, least squares (Umeyama 1991)",
        "resampling": RESAMPLING,
        "border": BORDER,
        "embedding": EMBEDDING_DIM,
    }


def fingerprint() -> str:
    """Return the fingerprint of this contract: 16 hex digits of a hash over :func:`facts`."""
    canonical = json.dumps(facts(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
