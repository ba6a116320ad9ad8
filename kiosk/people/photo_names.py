"""Which files in a person's folder are photos, and which were made by a system."""

from typing import Final

PHOTO_SUFFIXES: Final = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".pgm", ".png", ".tif", ".tiff"}
    | {".webp"}
)
_SYSTEM_NAMES: Final = frozenset(
    {"__macosx", "lost+found", "@eadir", "#recycle", "$recycle.bin", "system volume information"}
    | {"desktop.ini", "thumbs.db", "ehthumbs.db"}
)


def is_photo_name(name: str) -> bool:
    """Return whether a file has the ending of a photo."""
    return any(name.lower().endswith(suffix) for suffix in PHOTO_SUFFIXES)


def is_system_name(name: str) -> bool:
    """Return whether a file or folder is hidden, or one that a system or a program makes."""
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES
