#!/usr/bin/env python3
"""Refuse files that do not belong into the repository: faces, what is made of them, large files.

The pre-commit hook ``refuse-data`` gives the names of the files. Exit code 1 if one is refused.
"""

import sys
from pathlib import Path

LARGEST_BYTES = 12 * 1024 * 1024
DATA = {
    *(".jpg", ".jpeg", ".png", ".gif", ".bmp", ".pgm", ".ppm", ".tif", ".tiff", ".webp", ".heic"),
    *(".avif", ".svg", ".pdf"),
    *(".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".h264", ".mjpeg"),
    *(".npy", ".npz", ".pkl", ".pickle", ".h5", ".hdf5", ".parquet", ".mat"),
    *(".keras", ".tflite", ".onnx", ".pt", ".pth", ".safetensors", ".kiosk-model"),
    *(".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".whl"),
    *(".db", ".sqlite", ".sqlite3"),
}
"""Suffixes of pictures, videos, arrays, models, archives and databases."""
ALLOWED = (
    ".readme/*.svg",
    ".readme/*.png",
    "kiosk/register/web/static/*.svg",
    "kiosk/default.kiosk-model",
    "tests/kiosk/outbox/outbox-schema-*.sqlite3",
)
"""Drawings, pages with invented names, the model that ships, and outboxes for migrations."""


def refusal(path: Path) -> str | None:
    """Return why a file is refused, or ``None``."""
    if path.stat().st_size > LARGEST_BYTES:
        return f"larger than {LARGEST_BYTES // 1024**2} MB"
    if path.suffix.lower() in DATA and not any(path.match(pattern) for pattern in ALLOWED):
        return "a picture, video, array, model, archive or database"
    return None


def main(names: list[str]) -> int:
    """Print each refused file with the reason; return the exit code."""
    refused = {name: reason for name in names if (reason := refusal(Path(name)))}
    for name, reason in refused.items():
        sys.stderr.write(f"{name}: {reason}\n")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
