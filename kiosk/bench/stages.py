"""Time the kiosk's own stages: the daemon's pipeline, its recorder and its outbox, one thread.

Two things differ from the daemon. The gallery holds random templates, so that no figure needs an
enrolment or anybody's photo; and every frame with a usable face is recorded as an event, so that
the way to a committed event is measured hundreds of times instead of once a person.
"""

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from kiosk.bench.stopwatch import Stopwatch, Timed
from kiosk.camera.open import open_camera
from kiosk.clock import ManualClock, SystemClock
from kiosk.config import CameraSection
from kiosk.contract import EMBEDDING_DIM
from kiosk.daemon.recorder import Recorder
from kiosk.errors import ConfigError
from kiosk.mqtt.outbox import Outbox
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.pipeline import Pipeline
from kiosk.recognition.recogniser import Recogniser, build_pipeline
from kiosk.records import Decision, Frame, Image, Verdict

STAGES: Final = ("detect", "track", "align + quality", "embed", "match", "decide", "record")
"""In the order of the flow: the first two once a frame, the last once an event, others a face."""
PEOPLE: Final = 420
"""How many people are enrolled: the largest gallery that the model card has thresholds for."""
TEMPLATES: Final = 5
"""How many templates each of them has."""
FRAMES_MAX: Final = 1500
_KEPT: Final = 8
_DIRECT: Final = (
    ("detector", "find", "detect"),
    ("tracker", "update", "track"),
    ("embedder", "embed", "embed"),
    ("matcher", "match", "match"),
    ("votes", "vote", "decide"),
    ("votes", "end", "decide"),
)
"""Part of the pipeline, its method, and the stage; what remains of a frame is align + quality."""


@dataclass(slots=True)
class ReplayTimings:
    """One way through a recording.

    Attributes:
        watch: Durations of :data:`STAGES`, of each "frame" and of each frame with an "event".
        faces: How many faces were found.
        spent_s: All frames together, seconds.
        pictures: Some frames with a usable face, ``(height, width, 3)`` uint8 BGR.
        crops: A face of each, ``(112, 112, 3)`` uint8 RGB.
    """

    watch: Stopwatch = field(default_factory=Stopwatch)
    faces: int = 0
    spent_s: float = 0.0
    pictures: list[Image] = field(default_factory=list)
    crops: list[Image] = field(default_factory=list)


def random_gallery(model_id: str, people: int = PEOPLE) -> Gallery:
    """Enrol random templates, ``bench-000`` and on: the work of a match, and nobody's face."""
    shape = (people, TEMPLATES, EMBEDDING_DIM)
    drawn = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=2, keepdims=True)
    return Gallery(model_id, {f"bench-{who:03d}": own for who, own in enumerate(drawn)})


def walk_through(
    recogniser: Recogniser, gallery: Gallery, camera: CameraSection, folder: Path
) -> ReplayTimings:
    """Take a recording through all stages.

    Args:
        recogniser: Detector and embedder.
        gallery: Who is enrolled.
        camera: Replays the recording; at most :data:`FRAMES_MAX` frames of it.
        folder: For the outbox.

    Raises:
        ConfigError: The recording shows no face that could be recognised.
        KioskError: The recording cannot be read or the outbox not written.
    """
    walk = ReplayTimings()
    pipeline = build_pipeline(recogniser, *recogniser.matcher(gallery))
    parts = put_timers(pipeline, walk.watch)
    with (
        Outbox(folder / "bench.sqlite3") as outbox,
        open_camera(camera, ManualClock()) as frames,
    ):
        recorder = Recorder(
            outbox=outbox,
            clock=SystemClock(),
            config=recogniser.config,
            model_id=recogniser.embedder.model_id,
            committed=lambda: None,
        )
        for frame in frames:
            if frame.index >= FRAMES_MAX:
                break
            _see(frame, pipeline, parts, recorder, walk)
    if not walk.crops:
        message = f"{camera.source}: no face in it is good enough to be recognised"
        raise ConfigError(f"{message}; replay another, or raise detector.width_px")
    return walk


def put_timers(pipeline: Pipeline, watch: Stopwatch) -> dict[str, Timed]:
    """Put a timer before each part of a pipeline; the timers by the part's name."""
    timers: dict[str, Timed] = {}
    for part, method, stage in _DIRECT:
        timers[part] = Timed(getattr(pipeline, part), method, stage, watch)
        setattr(pipeline, part, timers[part])
    return timers


def _see(
    frame: Frame,
    pipeline: Pipeline,
    parts: dict[str, Timed],
    recorder: Recorder,
    walk: ReplayTimings,
) -> None:
    """Take one frame through, and record an event if it shows a usable face."""
    watch = walk.watch
    embedded, inside_s = watch.count("embed"), watch.total_s
    start_s = time.perf_counter()
    deque(pipeline.see(frame), maxlen=0)
    seen_s = time.perf_counter() - start_s
    rest_s = seen_s - (watch.total_s - inside_s)
    faces = len(parts["detector"].result)
    if faces:
        watch.note("align + quality", rest_s / faces)
    recorded_s = 0.0
    if watch.count("embed") > embedded:
        recorded_s = _record(frame.index, recorder)
        watch.note("record", recorded_s)
        watch.note("event", seen_s + recorded_s)
        _keep(frame.image, parts["embedder"].argument, walk)
    watch.note("frame", seen_s + recorded_s)
    walk.faces += faces
    walk.spent_s += seen_s + recorded_s


def _record(number: int, recorder: Recorder) -> float:
    """Commit an event of somebody not recorded before; the seconds it took."""
    decision = Decision(
        verdict=Verdict.KNOWN,
        subject_id=f"bench-{number:06d}",
        score=0.5,
        margin=0.1,
        threshold=0.4,
        votes=3,
        frames=3,
        quality=1.0,
        direction="toward",
    )
    start_s = time.perf_counter()
    recorder.record(decision)
    return time.perf_counter() - start_s


def _keep(picture: Image, crop: Any, walk: ReplayTimings) -> None:  # noqa: ANN401  # a timer's argument
    if len(walk.crops) < _KEPT:
        walk.pictures.append(picture)
        walk.crops.append(np.asarray(crop, np.uint8))
