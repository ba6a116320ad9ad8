"""Run the benchmark `kiosk bench`: our stages, a fresh process, and other projects' models."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import cv2
from msgspec.structs import replace

from kiosk.bench.machine import describe_machine, filesystem
from kiosk.bench.peers import ModelTiming, compare_models, peer_detectors, peer_embedders
from kiosk.bench.report import Bench
from kiosk.bench.stages import STAGES, TEMPLATES, ReplayTimings, random_gallery, time_replay
from kiosk.bench.start import STARTS, measure_start
from kiosk.config.keys import CameraSection, Config
from kiosk.demo.sample_people import FPS, has_sample_photos, write_walk
from kiosk.files.presence import is_folder
from kiosk.files.work_folder import work_folder
from kiosk.recognition.gallery import save_gallery
from kiosk.recognition.recogniser import Recogniser, build_recogniser

ROUNDS: Final = 40
"""Runs of each compared model."""

Progress = Callable[[str], None]
"""Receives one line about each step of the benchmark."""


def to_stderr(line: str) -> None:
    """Write a progress line to standard error, separate from the result."""
    sys.stderr.write(f"{line}\n")


def run_bench(
    config: Config,
    *,
    frames: Path | None,
    peers: Path | None,
    progress: Progress = to_stderr,
    rounds: int = ROUNDS,
    starts: int = STARTS,
) -> Bench:
    """Measure this machine.

    Args:
        config: The configuration. Camera, broker, gallery, timetable and threads are replaced.
        frames: A video, animated GIF or folder of pictures to replay; ``None`` draws the sample
            walk, with drawn faces where the sample photos (extra ``demo``) are not installed.
        peers: A folder with models of other projects; ``None`` compares only with SFace, which
            comes with the kiosk.
        progress: Receives a line about each step.
        rounds: Runs of each compared model.
        starts: Number of fresh processes.

    Raises:
        KioskError: The configuration, the recording or a model cannot be used.
    """
    config = replace(config, model=replace(config.model, threads=1), lesson=())
    machine = describe_machine(config.model.runtime)
    with _one_thread(), _folder(config) as folder:
        recogniser = build_recogniser(config)
        recogniser.embedder.check()
        camera = _recording(config, frames, folder, progress)
        gallery = random_gallery(recogniser.embedder.model_id)
        save_gallery(folder / "gallery.npz", gallery)
        progress("stages")
        timings = time_replay(recogniser, gallery, camera, folder)
        start = measure_start(config, camera, folder, progress, starts)
        compared = _compare(recogniser, peers, timings, progress, rounds)
        height, width = timings.pictures[0].shape[:2]
        seen = timings.stopwatch.count("frame")
        return Bench(
            machine=machine,
            model_id=recogniser.embedder.model_id,
            detector_width_px=config.detector.width_px,
            people=len(gallery),
            templates=TEMPLATES,
            recording=_sample_walk() if frames is None else frames.name,
            frame_px=(width, height),
            frames=seen,
            faces=timings.faces,
            filesystem=filesystem(folder),
            stages=tuple(timings.stopwatch.timing(name) for name in STAGES),
            frame=timings.stopwatch.timing("frame"),
            event=timings.stopwatch.timing("event"),
            frames_per_second=seen / timings.spent_s,
            start=start,
            embedders=compared[0],
            detectors=compared[1],
        )


def _compare(
    recogniser: Recogniser,
    peers: Path | None,
    timings: ReplayTimings,
    progress: Progress,
    rounds: int,
) -> tuple[tuple[ModelTiming, ...], tuple[ModelTiming, ...]]:
    """Time embedders and detectors, ours first."""
    section = recogniser.config.detector
    embedders = {"this kiosk": recogniser.embedder.embed, **peer_embedders(peers)}
    found = peer_detectors(peers, section.width_px, section.score_min)
    detectors = {"this kiosk": recogniser.detector.find, **found}
    progress(f"embedders: {', '.join(embedders)}")
    embedded = compare_models(embedders, timings.crops, rounds)
    progress(f"detectors: {', '.join(detectors)}")
    return embedded, compare_models(detectors, timings.pictures, rounds)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _folder(config: Config) -> AbstractContextManager[Path]:
    """Make a folder on the storage of the kiosk's own files, or in the default place."""
    own = is_folder(config.directory) and os.access(config.directory, os.W_OK)
    place = config.directory if own else None
    return work_folder("kiosk-bench-", place)


def _recording(
    config: Config, frames: Path | None, folder: Path, progress: Progress
) -> CameraSection:
    fps = config.camera.fps
    if frames is None:
        progress(f"drawing the {_sample_walk()}")
        frames, fps = folder / "walk", FPS
        write_walk(frames, drawn=not has_sample_photos())
    return CameraSection(backend="replay", source=str(frames.resolve()), fps=fps, pace="fast")


def _sample_walk() -> str:
    return "sample walk" if has_sample_photos() else "sample walk with drawn faces"
