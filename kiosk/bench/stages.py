"""Time the kiosk's own stages: the daemon's pipeline, recorder and outbox, in one thread.

Two things differ from the daemon. The gallery contains random templates, so that the benchmark
needs no enrolment and no photos of people. Every frame with a usable face is recorded as an event,
so that the time to a committed event is measured hundreds of times instead of once per person.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from kiosk.bench.stopwatch import Stopwatch, TimedMethod
from kiosk.camera.open import open_camera
from kiosk.clock import ManualClock, SystemClock
from kiosk.config.keys import CameraSection
from kiosk.contract import EMBEDDING_DIM
from kiosk.daemon.recorder import Recorder
from kiosk.daemon.times.steady_clock import SteadyClock
from kiosk.errors import ConfigError
from kiosk.outbox.outbox import Outbox
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.pipeline import Pipeline
from kiosk.recognition.recogniser import Recogniser, build_pipeline
from kiosk.recognition.vectors import unit
from kiosk.records import Decision, Frame, Image, Verdict

STAGES: Final = (
    *("detect", "track", "align + quality", "upright"),
    *("embed", "match", "decide", "record"),
)
"""In the order of the flow: the first two per frame, the last per event, the others per face."""
PEOPLE: Final = 420
"""Number of enrolled people: the largest gallery that the model card has thresholds for."""
TEMPLATES: Final = 5
"""Templates per person."""
FRAMES_MAX: Final = 1500
_SAMPLES_MAX: Final = 8
_TIMED_METHODS: Final = (
    ("detector", "find", "detect"),
    ("tracker", "update", "track"),
    ("upright", "reject_reason", "upright"),
    ("embedder", "embed", "embed"),
    ("matcher", "match", "match"),
    ("walks", "add", "decide"),
    ("walks", "end", "decide"),
)
"""Part of the pipeline, its method, and the stage; the rest of a frame is align + quality."""


@dataclass(slots=True)
class ReplayTimings:
    """Durations and samples from one replay of a recording.

    Attributes:
        stopwatch: Durations of :data:`STAGES`, of each "frame" and of each frame with an "event".
        faces: Number of faces found.
        spent_s: Time of all frames together, seconds.
        pictures: Some frames with a usable face, ``(height, width, 3)`` uint8 BGR.
        crops: One face of each of these frames, ``(112, 112, 3)`` uint8 RGB.
    """

    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    faces: int = 0
    spent_s: float = 0.0
    pictures: list[Image] = field(default_factory=list)
    crops: list[Image] = field(default_factory=list)


def random_gallery(model_id: str, people: int = PEOPLE) -> Gallery:
    """Build a gallery of random templates, ``bench-000`` and on: a realistic size, no faces."""
    shape = (people, TEMPLATES, EMBEDDING_DIM)
    drawn = unit(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    return Gallery(model_id, {f"bench-{i:03d}": rows for i, rows in enumerate(drawn)})


def time_replay(
    recogniser: Recogniser, gallery: Gallery, camera: CameraSection, folder: Path
) -> ReplayTimings:
    """Replay a recording through all stages and time them.

    Args:
        recogniser: Detector and embedder.
        gallery: The enrolled people.
        camera: Replays the recording; the first :data:`FRAMES_MAX` frames are used.
        folder: Folder for the outbox.

    Raises:
        ConfigError: The recording has no face that could be recognised.
        KioskError: The recording cannot be read or the outbox cannot be written.
    """
    timings = ReplayTimings()
    pipeline = build_pipeline(recogniser, *recogniser.matcher(gallery))
    parts = add_timers(pipeline, timings.stopwatch)
    with (
        Outbox(folder / "bench.sqlite3") as outbox,
        open_camera(camera, ManualClock()) as frames,
    ):
        recorder = Recorder(
            outbox=outbox,
            clock=SteadyClock(SystemClock()),
            config=recogniser.config,
            model_id=recogniser.embedder.model_id,
            committed=lambda: None,
        )
        for frame in frames:
            if frame.index >= FRAMES_MAX:
                break
            _time_frame(frame, pipeline, parts, recorder, timings)
    if not timings.crops:
        message = f"{camera.source}: no face in it can be recognised"
        raise ConfigError(f"{message}; replay another, or raise detector.width_px")
    return timings


def add_timers(pipeline: Pipeline, stopwatch: Stopwatch) -> dict[str, TimedMethod]:
    """Replace each part of a pipeline with a timed proxy; return the proxies by the part's name."""
    timers: dict[str, TimedMethod] = {}
    for part, method, stage in _TIMED_METHODS:
        timers[part] = TimedMethod(getattr(pipeline, part), method, stage, stopwatch)
        setattr(pipeline, part, timers[part])
    return timers


def _time_frame(
    frame: Frame,
    pipeline: Pipeline,
    parts: dict[str, TimedMethod],
    recorder: Recorder,
    timings: ReplayTimings,
) -> None:
    """Process one frame, and record an event if it has a usable face."""
    stopwatch = timings.stopwatch
    embedded, inside_s = stopwatch.count("embed"), stopwatch.total_s
    start_s = time.perf_counter()
    pipeline.process(frame)
    seen_s = time.perf_counter() - start_s
    rest_s = seen_s - (stopwatch.total_s - inside_s)
    faces = len(parts["detector"].result)
    if faces:
        stopwatch.add("align + quality", rest_s / faces)
    recorded_s = 0.0
    if stopwatch.count("embed") > embedded:
        recorded_s = _record(frame.index, recorder)
        stopwatch.add("record", recorded_s)
        stopwatch.add("event", seen_s + recorded_s)
        _keep(frame.image, parts["embedder"].argument, timings)
    stopwatch.add("frame", seen_s + recorded_s)
    timings.faces += faces
    timings.spent_s += seen_s + recorded_s


def _record(number: int, recorder: Recorder) -> float:
    """Commit an event of a person who was not recorded before; return the seconds."""
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
    recorder.store(decision)
    return time.perf_counter() - start_s


def _keep(picture: Image, crop: Any, timings: ReplayTimings) -> None:  # noqa: ANN401  # a proxy's argument
    if len(timings.crops) < _SAMPLES_MAX:
        timings.pictures.append(picture)
        timings.crops.append(np.asarray(crop, np.uint8))
