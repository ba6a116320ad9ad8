"""Track faces from frame to frame: one track is one walk past the camera.

Faces move little between frames, so each face joins the track whose newest face is nearest,
measured in widths of the face, and at most ``reach`` away.
"""

import numpy as np

from kiosk.records import Face, Floats, Track


class Tracker:
    """Assigns each face to a track.

    Args:
        gap_max_s: A track that was not seen for longer has ended, seconds.
        reach: How far a face may move and grow between two frames, in widths of the face.
    """

    def __init__(self, *, gap_max_s: float, reach: float) -> None:
        self._gap_max_s = gap_max_s
        self._reach = reach
        self._tracks: dict[int, Track] = {}
        self._next = 0

    def update(
        self, faces: tuple[Face, ...], now_s: float
    ) -> tuple[tuple[Track, ...], tuple[Track, ...]]:
        """Assign the faces of one frame to tracks, and end tracks after the longest gap.

        Args:
            faces: The faces that the detector found.
            now_s: When the frame was captured, seconds.

        Returns:
            The tracks seen in this frame, in the order of their faces, and those that have ended.
        """
        ended = tuple(t for t in self._tracks.values() if now_s - t.seen_s > self._gap_max_s)
        for track in ended:
            del self._tracks[track.track_id]
        assigned = self._assign(faces)
        seen = tuple(
            self._follow(assigned.get(index), face, now_s) for index, face in enumerate(faces)
        )
        return seen, ended

    def finish(self) -> tuple[Track, ...]:
        """End all tracks when the camera has ended, and return them."""
        ended = tuple(self._tracks.values())
        self._tracks.clear()
        return ended

    def _assign(self, faces: tuple[Face, ...]) -> dict[int, int]:
        """Pair faces with tracks, the nearest pair first; return track ids by index of the face."""
        pairs = sorted(
            (distance, index, track_id)
            for index, face in enumerate(faces)
            for track_id, track in self._tracks.items()
            if (distance := _distance(track.face.box, face.box)) <= self._reach
        )
        assigned: dict[int, int] = {}
        for _, index, track_id in pairs:
            if index not in assigned and track_id not in assigned.values():
                assigned[index] = track_id
        return assigned

    def _follow(self, track_id: int | None, face: Face, now_s: float) -> Track:
        """Continue a track with a face, or begin a new one."""
        if track_id is None:
            track_id = self._next
            self._next += 1
            track = Track(track_id, face, face, now_s)
        else:
            track = Track(track_id, self._tracks[track_id].first, face, now_s)
        self._tracks[track_id] = track
        return track


def _distance(one: Floats, other: Floats) -> float:
    """Compute how far a face moved, in widths of the larger face, plus the log of its growth."""
    size = float(max(one[2], other[2], 1.0))
    move = float(np.hypot(*((one[:2] + one[2:] / 2) - (other[:2] + other[2:] / 2)))) / size
    growth = abs(float(np.log(max(one[2], 1.0) / max(other[2], 1.0))))
    return move + growth


def direction(track: Track) -> str | None:
    """Return which way a track crossed the picture: "left", "right" or "toward" the camera.

    ``None`` when the face neither moved by its width nor grew.
    """
    start, end = track.first.box, track.face.box
    moved = float((end[0] + end[2] / 2) - (start[0] + start[2] / 2))
    if end[2] > 1.3 * start[2] and abs(moved) < 2 * end[2]:
        return "toward"
    if abs(moved) >= end[2]:
        return "right" if moved > 0 else "left"
    return None
