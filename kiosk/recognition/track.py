"""Follow faces from frame to frame: one track is one walk past the camera.

Faces move little between frames, so each is given to the track whose last face was nearest,
measured in widths of the face, and no further away than ``reach``.
"""

import numpy as np

from kiosk.records import Face, Floats, Track


class Tracker:
    """Give each face the number of its track.

    Args:
        gap_max_s: A track not seen for longer is over.
        reach: How far a face may move between two frames, in widths of the face.
    """

    def __init__(self, *, gap_max_s: float, reach: float) -> None:
        self._gap_max_s = gap_max_s
        self._reach = reach
        self._tracks: dict[int, Track] = {}
        self._next = 0

    def update(
        self, faces: tuple[Face, ...], now_s: float
    ) -> tuple[tuple[Track, ...], tuple[Track, ...]]:
        """Take in the faces of one frame.

        Args:
            faces: What the detector found.
            now_s: When the frame was captured, seconds.

        Returns:
            The tracks seen in this frame, in the order of their faces, and those that have ended.
        """
        ended = tuple(t for t in self._tracks.values() if now_s - t.seen_s > self._gap_max_s)
        for track in ended:
            del self._tracks[track.track_id]
        chosen = self._assign(faces)
        seen = tuple(
            self._follow(chosen.get(index), face, now_s) for index, face in enumerate(faces)
        )
        return seen, ended

    def finish(self) -> tuple[Track, ...]:
        """End all tracks, when the camera has ended."""
        ended = tuple(self._tracks.values())
        self._tracks.clear()
        return ended

    def _assign(self, faces: tuple[Face, ...]) -> dict[int, int]:
        """Pair faces with tracks, the nearest pair first; the rest open their own."""
        pairs = sorted(
            (step, index, track_id)
            for index, face in enumerate(faces)
            for track_id, track in self._tracks.items()
            if (step := _step(track.face.box, face.box)) <= self._reach
        )
        chosen: dict[int, int] = {}
        for _, index, track_id in pairs:
            if index not in chosen and track_id not in chosen.values():
                chosen[index] = track_id
        return chosen

    def _follow(self, track_id: int | None, face: Face, now_s: float) -> Track:
        if track_id is None:
            track_id = self._next
            self._next += 1
            track = Track(track_id, face, face, now_s)
        else:
            track = Track(track_id, self._tracks[track_id].first, face, now_s)
        self._tracks[track_id] = track
        return track


def _step(one: Floats, other: Floats) -> float:
    """Measure how far a face moved and grew, in widths of the larger face."""
    size = float(max(one[2], other[2], 1.0))
    move = float(np.hypot(*((one[:2] + one[2:] / 2) - (other[:2] + other[2:] / 2)))) / size
    growth = abs(float(np.log(max(one[2], 1.0) / max(other[2], 1.0))))
    return move + growth


def direction(track: Track) -> str | None:
    """Tell which way a track crossed the picture: "left", "right" or "toward" the camera."""
    start, end = track.first.box, track.face.box
    moved = float((end[0] + end[2] / 2) - (start[0] + start[2] / 2))
    if end[2] > 1.3 * start[2] and abs(moved) < 2 * end[2]:
        return "toward"
    if abs(moved) >= end[2]:
        return "right" if moved > 0 else "left"
    return None
