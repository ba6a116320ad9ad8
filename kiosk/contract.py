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

COHORT_NEAREST: Final = 7
"""How many nearest cohort members normalise a score (``kiosk.recognition.match``)."""

COHORT_WEIGHT: Final = 0.6
"""How much of the mean cosine to these is subtracted from a score.

A model card says both numbers, because its thresholds were measured with them. How they were
chosen: FNIR in % of development people at the card's thresholds, mean of 30, 100 and 420 enrolled
and of an FPIR of 1 and 0.3 %, the model that ships, a cohort of 1,000; and walks at thresholds of
their own (40 enrolled, FPIR 1 %).

===============  ======  ======  ==========  =======================
weight, nearest  photos  videos  the same,   walks by the mean alone,
                                 24 pixels   native / 40 / 24 pixels
===============  ======  ======  ==========  =======================
cosine           11.0    46.4    62.5        10.2 / 12.0 / 20.3
0.5, 20          6.4     21.6    32.4        10.8 / 12.1 / 23.5
0.5, 10          6.2     20.6    30.1        10.8 / 12.1 / 23.8
0.6, 20          6.4     20.2    29.5        11.4 / 12.4 / 24.5
0.6, 10          6.4     18.7    28.2        10.9 / 12.4 / 25.1
0.6, 7           6.4     18.2    27.6        11.1 / 12.4 / 25.5
0.6, 5           6.6     18.4    28.4        11.1 / 12.4 / 25.5
0.7, 20          6.6     18.5    27.9        11.5 / 12.7 / 25.4
0.7, 7           7.0     17.8    26.8        11.8 / 13.0 / 26.2
1, 20            8.9     19.5    28.6        14.4 / 14.3 / 26.7
===============  ======  ======  ==========  =======================

The lowest mean of photos and videos was taken at which photos are no worse than with 0.5 and 20.
Photos mix children, families, grey and tight crops, which normalisation makes comparable, so that
one threshold fits them and the videos. For videos with a threshold of their own it gains nothing,
but a door cannot know who will walk past. Division by the deviation of the cohort's cosines made
all figures worse (photos 14 % and more), and so did weights for the probe alone.
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
