"""The contract between ``train``, ``convert`` and ``kiosk``: one aligned crop.

A crop is ``(112, 112, 3)`` uint8, RGB, with five landmarks brought to the template below by a
similarity transform. Pixel scaling lives inside the model's graph, so nobody does arithmetic on
pixels. Whatever changes here changes :func:`fingerprint`, and a kiosk refuses a model or a
gallery that carries another one.

The template is the one of ArcFace (Deng et al., 2019), which nearly all published face
recognisers share.
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

COHORT_NEAREST: Final = 5
"""How many faces of the cohort a score is held against (``kiosk.recognition.match``); with 3 and 8,
development people were told apart no better. A model card says how many its thresholds are for."""

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
"""Where the landmarks lie in a crop, ``(5, 2)`` pixels, x then y."""
TEMPLATE.setflags(write=False)

RESAMPLING: Final = "bilinear"
BORDER: Final = "reflect101"


def facts() -> dict[str, Any]:
    """Spell the contract out: everything that shapes a crop, and what is made of it."""
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
    """Identify this contract: 16 hex digits over :func:`facts`."""
    canonical = json.dumps(facts(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
