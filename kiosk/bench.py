"""The benchmark behind `kiosk bench`: what each stage takes on this machine, beside other models.

The stages run as the daemon runs them, one after the other in one thread, over a recording. Two
things differ: the gallery holds random templates, so the figures need no enrolment and no photo
of anybody, and every frame with a usable face is recorded as an event, so that the way to a
committed event is measured hundreds of times instead of once a person.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import cv2
import msgspec
import numpy as np
from msgspec.structs import replace

from kiosk.bench_peers import Compared, compare, peer_detectors, peer_embedders
from kiosk.bench_start import Start, measure_start
from kiosk.capture import open_camera
from kiosk.clock import ManualClock, SystemClock
from kiosk.config import CameraSection, Config
from kiosk.contract import EMBEDDING_DIM
from kiosk.errors import ConfigError
from kiosk.gallery import Gallery, save_gallery
from kiosk.machine import Machine, describe_machine, filesystem
from kiosk.outbox import Outbox
from kiosk.pipeline import Pipeline
from kiosk.recorder import Recorder
from kiosk.records import Decision, Frame, Image, Verdict
from kiosk.sample import FPS, write_walk
from kiosk.stopwatch import Stopwatch, Timed, Timing
from kiosk.wiring import Recogniser, build_pipeline, build_recogniser

PEOPLE: Final = 420
"""How many people are enrolled: the largest gallery that the model card has thresholds for."""
TEMPLATES: Final = 5
FRAMES_MAX: Final = 1500
_KEPT: Final = 8  # pictures and crops that the comparison uses over and over
_ROUNDS: Final = 40
STAGES: Final = ("detect", "track", "quality + align", "embed", "match", "decide", "record")
"""In the order of the flow. The first two are measured once a frame, the last once an event, the
others once a face."""


class Bench(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a benchmark found.

    Attributes:
        machine: Where.
        model_id: The model.
        detector_width_px: The detector's working width.
        people: How many were enrolled, with five templates each.
        recording: What was replayed.
        frame_px: Width and height of its frames.
        frames: How many.
        faces: How many the detector found in them.
        filesystem: Where the outbox lay: a commit takes what this storage takes.
        stages: Each of :data:`STAGES`.
        frame: All stages, each frame.
        event: From a frame in hand to its event committed to the outbox.
        frames_per_second: Of one thread that never waits for the camera.
        start: A fresh process.
        embedders: Ours first.
        detectors: Ours first.
    """

    machine: Machine
    model_id: str
    detector_width_px: int
    people: int
    recording: str
    frame_px: tuple[int, int]
    frames: int
    faces: int
    filesystem: str
    stages: tuple[Timing, ...]
    frame: Timing
    event: Timing
    frames_per_second: float
    start: Start
    embedders: tuple[Compared, ...]
    detectors: tuple[Compared, ...]


def to_stderr(line: str) -> None:
    """Report progress."""
    sys.stderr.write(f"{line}\n")


def run_bench(
    config: Config,
    *,
    frames: Path | None,
    peers: Path | None,
    progress: Callable[[str], None] = to_stderr,
    rounds: int = _ROUNDS,
) -> Bench:
    """Measure this machine.

    Args:
        config: The configuration; camera, broker, gallery and number of threads are replaced.
        frames: A video, animated GIF or folder of pictures to replay; ``None`` draws the sample
            walk (extra ``demo``).
        peers: A folder with models of other projects; ``None`` measures SFace alone, which comes
            with the kiosk.
        progress: Told what is being done.
        rounds: How often each of the compared models runs.

    Raises:
        ConfigError: The recording shows no face that could be recognised.
        KioskError: The configuration, the recording or a model cannot be used.
    """
    config = replace(config, model=replace(config.model, threads=1))
    machine = describe_machine(config.model.runtime)
    with _one_thread(), _folder(config) as folder:
        camera = _recording(config, frames, folder, progress)
        recogniser = build_recogniser(config)
        gallery = random_gallery(recogniser.embedder.model_id)
        save_gallery(folder / "gallery.npz", gallery)
        start = measure_start(config, camera, folder, progress)
        progress("stages")
        run = _through_the_stages(recogniser, gallery, camera, folder)
        progress("models of other projects")
        embedders = {"this kiosk": recogniser.embedder.embed, **peer_embedders(peers)}
        detectors = {
            "this kiosk": recogniser.detector.find,
            **peer_detectors(peers, config.detector.width_px, config.detector.score_min),
        }
        return Bench(
            machine=machine,
            model_id=recogniser.embedder.model_id,
            detector_width_px=config.detector.width_px,
            people=len(gallery),
            recording="sample walk" if frames is None else frames.name,
            frame_px=(run.pictures[0].shape[1], run.pictures[0].shape[0]),
            frames=run.watch.count("frame"),
            faces=run.faces,
            filesystem=filesystem(folder),
            stages=tuple(run.watch.timing(name) for name in STAGES),
            frame=run.watch.timing("frame"),
            event=run.watch.timing("event"),
            frames_per_second=run.watch.count("frame") / run.spent_s,
            start=start,
            embedders=compare(embedders, run.crops, rounds),
            detectors=compare(detectors, run.pictures, rounds),
        )


def random_gallery(model_id: str, people: int = PEOPLE) -> Gallery:
    """Enrol random templates, ``bench-000`` and on: the work of a match, and nobody's face."""
    shape = (people, TEMPLATES, EMBEDDING_DIM)
    drawn = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=2, keepdims=True)
    return Gallery(model_id, {f"bench-{who:03d}": own for who, own in enumerate(drawn)})


@contextmanager
def _one_thread() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


@contextmanager
def _folder(config: Config) -> Iterator[Path]:
    """Make a folder beside the kiosk's own files, whose storage counts, or else anywhere."""
    own = config.directory.is_dir() and os.access(config.directory, os.W_OK)
    place = config.directory if own else None
    with tempfile.TemporaryDirectory(prefix="kiosk-bench-", dir=place) as name:
        yield Path(name)


def _recording(
    config: Config, frames: Path | None, folder: Path, progress: Callable[[str], None]
) -> CameraSection:
    fps = config.camera.fps
    if frames is None:
        progress("drawing the sample walk")
        frames, fps = folder / "walk", FPS
        write_walk(frames)
    return CameraSection(backend="replay", source=str(frames.resolve()), fps=fps, pace="fast")


@dataclass(slots=True)
class _Run:
    """What one way through the recording gave."""

    watch: Stopwatch = field(default_factory=Stopwatch)
    faces: int = 0
    spent_s: float = 0.0
    crops: list[Image] = field(default_factory=list)
    pictures: list[Image] = field(default_factory=list)


def _through_the_stages(
    recogniser: Recogniser, gallery: Gallery, camera: CameraSection, folder: Path
) -> _Run:
    run = _Run()
    rule = recogniser.rule(len(gallery))
    pipeline = timed_pipeline(build_pipeline(recogniser, gallery, rule), run.watch)
    config, model_id = recogniser.config, recogniser.embedder.model_id
    with Outbox(folder / "bench.sqlite3") as outbox:
        recorder = Recorder(outbox, SystemClock(), config, model_id, rule.threshold, lambda: None)
        with open_camera(camera, ManualClock()) as frames:
            for frame in frames:
                if frame.index >= FRAMES_MAX:
                    break
                _one_frame(frame, pipeline, recorder, run)
    if not run.crops:
        raise ConfigError(f"{camera.source}: no face in it is good enough to be recognised")
    return run
