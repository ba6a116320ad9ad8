"""Try a model in a child process: the bytes of a model can end the process that loads them.

A damaged TFLite file makes the runtime abort instead of raising an error. So a model whose checksum
is new on this machine is run once in a child process, which may die. That a model has passed is
kept in the state folder, so that the next start does not wait for it.
"""

import hashlib
import os
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import numpy as np

from kiosk.errors import KioskError, ModelError
from kiosk.files.atomic_file import atomic_write
from kiosk.files.bounded_file import read_file
from kiosk.printable import printable
from kiosk.recognition.detect import Detector
from kiosk.recognition.tflite import Runtime, TfliteModel

SHIPPED: Final = frozenset({"b10a07da1dc67af0f3be22a9bf65663116ee6a2b6d119cf1401bd51c124e3d58"})
"""Checksums of models that need no trial: that of the shipped bundle."""
WEIGHTS_BYTES_MAX: Final = 64_000_000
"""Bytes of the largest file of detector weights."""
_DETECTOR: Final = "detector"
_WAIT_S: Final = 60.0
_MEMORY_MAX: Final = 4 << 30
_KEPT_BYTES_MAX: Final = 100_000
_TEXT_MAX: Final = 300


def try_model(model: bytes, runtime: Runtime, kept: Path | None = None) -> None:
    """Run a TFLite model in a child process, unless it has passed before.

    Args:
        model: The file's bytes.
        runtime: Which runtime.
        kept: The file of the state folder that says what has passed; ``None`` keeps nothing.

    Raises:
        ModelError: The model ends the process that runs it, or cannot be run.
    """
    digest = hashlib.sha256(model).hexdigest()
    if digest not in SHIPPED:
        _try_once(f"{digest} {runtime} {_version(runtime)}", [runtime], model, kept)


def try_detector(weights: Path, kept: Path | None = None) -> None:
    """Load detector weights in a child process, unless they have passed before.

    Raises:
        ModelError: They cannot be read, end the process that loads them, or are no detector.
    """
    try:
        digest = hashlib.sha256(read_file(weights, WEIGHTS_BYTES_MAX)).hexdigest()
    except OSError as exc:
        raise ModelError(f"{weights}: cannot be read ({exc.strerror})") from exc
    key = f"{digest} {_DETECTOR} {_version('opencv-python-headless')}"
    _try_once(key, [_DETECTOR, str(weights.absolute())], b"", kept)


def _try_once(key: str, arguments: list[str], data: bytes, kept: Path | None) -> None:
    passed = _passed(kept)
    if key in passed:
        return
    if reason := _failure(arguments, data):
        raise ModelError(f"the model (sha256 {key[:12]}…) {reason}; replace its file")
    if kept is not None:
        # Where it cannot be written, the next start tries the model again.
        with suppress(OSError), atomic_write(kept, 0o640, owner_of=kept.parent) as partial:
            partial.write_text("".join(f"{line}\n" for line in [*passed, key]), encoding="ascii")


def _passed(kept: Path | None) -> list[str]:
    try:
        return read_file(kept, _KEPT_BYTES_MAX).decode("ascii").splitlines() if kept else []
    except (OSError, UnicodeDecodeError):
        return []


def _failure(arguments: list[str], data: bytes) -> str:
    """Run the child; return what went wrong, or "" if nothing did."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "kiosk.recognition.model_trial", *arguments],
            input=data,
            capture_output=True,
            timeout=_WAIT_S,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"does not answer within {_WAIT_S:.0f} s"
    if done.returncode < 0:
        name = signal.strsignal(-done.returncode) or f"signal {-done.returncode}"
        return f"ends the process that runs it ({name})"
    said = printable(done.stdout.decode("utf-8", "replace").strip()[:_TEXT_MAX])
    return "" if done.returncode == 0 else f"cannot be run ({said or 'no reason given'})"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _child(arguments: list[str]) -> int:
    """Load and run the model; a failure is a line on standard output."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_MAX, _MEMORY_MAX))
    try:
        if arguments[0] == _DETECTOR:
            Detector(Path(arguments[1]))
        else:
            runtime: Runtime = "tflite-runtime" if "tflite" in arguments[0] else "ai-edge-litert"
            model = TfliteModel(sys.stdin.buffer.read(), runtime)
            model(np.zeros(model.input_shape, np.int8))
    except (KioskError, MemoryError) as exc:
        sys.stdout.write(str(exc) or "it needs too much memory")
        return ModelError.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_child(sys.argv[1:]))
