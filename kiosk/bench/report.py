"""The benchmark's result, as a record and as text."""

import statistics
from collections.abc import Iterator, Sequence

import msgspec

from kiosk.bench.machine import Machine
from kiosk.bench.peers import Compared
from kiosk.bench.start import Start
from kiosk.bench.stopwatch import Timing


class Bench(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a benchmark found; ``msgspec.json.encode`` writes it as JSON.

    Attributes:
        machine: Where.
        model_id: The model.
        detector_width_px: The detectors' working width.
        people: How many were enrolled.
        templates: How many templates each of them had.
        recording: What was replayed.
        frame_px: Width and height of its frames.
        frames: How many were seen.
        faces: How many faces the detector found in them.
        filesystem: What the outbox lay on (``ext4``): a commit takes what this storage takes.
        stages: Each stage, in the order of the flow.
        frame: All stages, each frame.
        event: From a frame in hand to its event committed to the outbox.
        frames_per_second: Of one thread that never waits for the camera.
        start: A fresh process.
        embedders: Of others, the first one ours.
        detectors: Of others, the first one ours.
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
    start: Start
    embedders: tuple[Compared, ...]
    detectors: tuple[Compared, ...]


def render(bench: Bench) -> str:
    """Write a benchmark for people."""
    return "\n".join(
        [
            *_machine_lines(bench.machine),
            "",
            *_input_lines(bench),
            "",
            _row("one thread", "n", "median ms", "p99 ms"),
            *(_timing(timing) for timing in bench.stages),
            _timing(bench.frame, "frame, all stages"),
            _timing(bench.event, "frame to committed event"),
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
        f"{bench.faces} faces; {bench.people} people enrolled, {bench.templates} templates each"
    )
    yield f"Model {bench.model_id}; outbox on {bench.filesystem or 'an unknown file system'}"


def _start_lines(start: Start) -> Iterator[str]:
    every = ", ".join(f"{took_s:.2f}" for took_s in start.ready_s)
    yield f"fresh process to READY: {statistics.median(start.ready_s):.2f} s (starts: {every})"
    yield f"its peak memory: {start.peak_memory_mib:.0f} MiB"


def _compared_lines(title: str, models: Sequence[Compared]) -> Iterator[str]:
    yield _row(title, "n", "median ms", "p99 ms", "x ours")
    for model in models:
        yield _timing(model.timing, ratio=model.ratio)


def _timing(timing: Timing, name: str = "", ratio: float | None = None) -> str:
    figures = [str(timing.n), f"{timing.median_ms:.2f}", f"{timing.p99_ms:.2f}"]
    if ratio is not None:
        figures.append(f"{ratio:.2f}")
    return _row(name or timing.name, *figures)


def _row(name: str, *cells: str) -> str:
    return f"{name:<26}" + "".join(f"{cell:>11}" for cell in cells)
