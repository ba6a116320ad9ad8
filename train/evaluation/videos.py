"""Read the videos of people who walk past: frames, aligned and shrunk."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import cv2
import numpy as np

from kiosk.contract import CROP_PX
from kiosk.recognition.align import interpolation
from kiosk.records import Image
from train.dataset.zip_archive import opened
from train.evaluation.lfw import read_crops

Half: TypeAlias = Literal["all", "dev", "test"]
"""All people, or one of two halves."""


@dataclass(frozen=True, slots=True, eq=False)
class Videos:
    """The frames of all videos, aligned.

    Attributes:
        people: ``(v,)`` who is in each video.
        frames: ``(v,)`` numbers of its crops.
        crops: ``(n, 112, 112, 3)`` uint8 RGB.
    """

    people: tuple[str, ...]
    frames: tuple[tuple[int, ...], ...]
    crops: Image


def read_videos(path: Path, half: Half = "all") -> Videos:
    """Read an archive of ``person/video/frame.webp``; detect and align each frame.

    Args:
        path: The archive.
        half: Whose videos; other frames are not looked at.

    Raises:
        DatasetError: The archive cannot be read.
    """
    with opened(path, "an archive of walks") as archive:
        names = sorted(name for name in archive.namelist() if name.count("/") == 2)
        names = [name for name in names if name.endswith(".webp") and _is_in(half, name)]
        crops, _ = read_crops(archive, names)
    videos: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for index, name in enumerate(names):
        person, video, _ = name.split("/")
        videos[person, video].append(index)
    people = tuple(person for person, _ in videos)
    return Videos(people, tuple(tuple(frames) for frames in videos.values()), crops)


def _is_in(half: Half, name: str) -> bool:
    return half in ("all", half_of(name.partition("/")[0]))


def half_of(person: str) -> Half:
    """Return the half that a person is in, whoever else there is."""
    return "dev" if hashlib.sha256(person.encode()).digest()[0] % 2 == 0 else "test"


def shrink(crops: Image, width_px: int) -> Image:
    """Scale ``(n, 112, 112, 3)`` crops down to a width, and up again as the kiosk does."""
    if width_px >= CROP_PX:
        return crops
    small = [cv2.resize(one, (width_px, width_px), interpolation=cv2.INTER_AREA) for one in crops]
    how = interpolation(CROP_PX / width_px)
    large = [cv2.resize(one, (CROP_PX, CROP_PX), interpolation=how) for one in small]
    return np.asarray(np.stack(large), np.uint8)
