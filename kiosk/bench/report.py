"""The benchmark's result, as a record and as text."""

import statistics
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from kiosk.bench.machine import Machine
from kiosk.bench.peers import ModelTiming
from kiosk.bench.start import StartFigures
from kiosk.bench.stopwatch import Timing
from kiosk.counted import counted, counted_people
from kiosk.text_table import aligned

_WIDTHS: Final = (26, 9, 9, 9, 9)
"""Least widths of the columns, so that all tables of a report line up."""


class Bench(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The result of a benchmark; ``msgspec.json.encode`` writes it as JSON.

    Attributes:
        machine: The machine and its software.
        model_id: The model.
        detector_width_px: Working width of all detectors.
        people: Number of enrolled people.
        templates: Templates per person.
        recording: Name of the replayed recording.
        frame_px: Width and height of its frames.
        frames: Number of processed frames.
        faces: Number of faces that the detector found in them.
        filesystem: File system of the outbox (``ext4``): its storage determines the commit time.
        stages: Each stage, in the order of the flow.
        frame: All stages together, per frame.
        event: From a captured frame to its event committed to the outbox.
        frames_per_second: Throughput of one thread that never waits for the camera.
        start: Start-up time and memory of a fresh process.
        embedders: All compared embedders; the first is ours.
        detectors: All compared detectors; the first is ours.
    """

    machine: Machine
    model_id: str
    detector_width_px: int
    people: int
    templates: int
    recording: str
    frame_px: tuple[int, int]
    frames: int
    faces: int
    filesystem: str
    stages: tuple[Timing, ...]
    frame: Timing
    event: Timing
    frames_per_second: float
    start: StartFigures
    embedders: tuple[ModelTiming, ...]
    detectors: tuple[ModelTiming, ...]


def render(bench: Bench) -> str:
    """Return a benchmark as text."""
    return "\n".join(
        [
            *_machine_lines(bench.machine),
            "",
            *_input_lines(bench),
            "",
            *_stage_lines(bench),
            "",
            f"frames per second: {bench.frames_per_second:.1f} (an event at every usable face)",
            *_start_lines(bench.start),
            "",
            *_compared_lines("embedder, one crop", bench.embedders),
            "",
            *_compared_lines(f"detector, {bench.detector_width_px} px wide", bench.detectors),
        ]
    )


def _machine_lines(machine: Machine) -> Iterator[str]:
    board = machine.board if machine.is_raspberry_pi else "not a Raspberry Pi"
    yield (
        f"Measured on: {machine.processor}, {machine.cores} cores, {machine.memory_mib} MiB, "
        f"{machine.system}; {board}"
    )
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    yield f"Python {machine.python}, {packages}"
    if machine.load > machine.cores / 2:
        yield f"The machine was busy (load {machine.load:.1f} before the start): figures are noisy."


def _input_lines(bench: Bench) -> Iterator[str]:
    width, height = bench.frame_px
    yield (
        f"Input: {bench.recording}, {bench.frames} frames of {width}x{height}, "
        f"{counted(bench.faces, 'face')}; {counted_people(bench.people)} enrolled, "
        f"{counted(bench.templates, 'template')} each"
    )
    yield f"Model {bench.model_id}; outbox on {bench.filesystem or 'an unknown file system'}"


def _start_lines(start: StartFigures) -> Iterator[str]:
    every = ", ".join(f"{took_s:.2f}" for took_s in start.ready_s)
    yield f"fresh process to READY: {statistics.median(start.ready_s):.2f} s (starts: {every})"
    yield f"its peak memory: {start.peak_memory_mib:.0f} MiB"


def _stage_lines(bench: Bench) -> Iterator[str]:
    rows = [
        ["one thread", "n", "median ms", "p99 ms"],
        *(_cells(timing, timing.name) for timing in bench.stages),
        _cells(bench.frame, "frame, all stages"),
        _cells(bench.event, "frame to committed event"),
    ]
    return aligned(rows, numbers=True, widths_min=_WIDTHS[:4])


def _compared_lines(title: str, models: Sequence[ModelTiming]) -> Iterator[str]:
    rows = [[title, "n", "median ms", "p99 ms", "x ours"]]
    rows += [[*_cells(model.timing, model.timing.name), f"{model.ratio:.2f}"] for model in models]
    return aligned(rows, numbers=True, widths_min=_WIDTHS)


def _cells(timing: Timing, name: str) -> list[str]:
    return [name, str(timing.n), f"{timing.median_ms:.2f}", f"{timing.p99_ms:.2f}"]
