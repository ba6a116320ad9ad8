"""Tracking: one walk past the camera is one track, and no two people share it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.recognition.track import Tracker, direction
from kiosk.records import Face, Track
from tests.support_recognition import face

STEP_S = 0.1


def tracker(gap_max_s: float = 1.0, reach: float = 1.5) -> Tracker:
    return Tracker(gap_max_s=gap_max_s, reach=reach)


def numbers(one: Tracker, *frames: list[Face], every_s: float = STEP_S) -> list[list[int]]:
    """The track ids of each frame's faces."""
    return [
        [track.track_id for track in one.update(tuple(faces), index * every_s)[0]]
        for index, faces in enumerate(frames)
    ]


faces_of_a_frame = st.lists(
    st.builds(face, st.floats(0, 640), st.floats(0, 480), st.floats(1, 300)), max_size=6
)


@given(st.lists(st.tuples(faces_of_a_frame, st.floats(0, 2)), max_size=12))
def test_each_face_has_one_track_and_no_two_share_it(
    frames: list[tuple[list[Face], float]],
) -> None:
    """Every face of a frame gets a track, in order, whose id is unique in this frame."""
    one, now_s = tracker(), 0.0
    alive: set[int] = set()
    over: set[int] = set()
    for faces, pause_s in frames:
        now_s += pause_s
        seen, ended = one.update(tuple(faces), now_s)
        assert [track.face for track in seen] == faces
        found = [track.track_id for track in seen]
        assert len(set(found)) == len(found)
        gone = {track.track_id for track in ended}
        assert gone <= alive
        over |= gone
        assert not over & set(found)
        alive = (alive | set(found)) - gone
    assert {track.track_id for track in one.finish()} == alive


def test_a_walk_keeps_its_track() -> None:
    """A face that moves and grows over frames is one track, which keeps its first face."""
    one = tracker()
    walk = [face(100 + 20 * i, 200, 40 * 1.1**i) for i in range(12)]
    assert numbers(one, *([f] for f in walk)) == [[0]] * 12
    (track,) = one.finish()
    assert (track.first, track.face) == (walk[0], walk[-1])
    assert track.seen_s == pytest.approx(1.1)


def test_people_who_cross_at_different_distances_keep_their_tracks() -> None:
    """People who pass each other, one nearer to the camera, are not confused."""
    near = [face(100 + 40 * i, 240, 120) for i in range(12)]
    far = [face(540 - 40 * i, 200, 40) for i in range(12)]
    assert numbers(tracker(), *([a, b] for a, b in zip(near, far, strict=True))) == [[0, 1]] * 12


def test_people_who_cross_at_different_heights_keep_their_tracks() -> None:
    """People of similar size who pass each other are distinguished by their position."""
    low = [face(100 + 30 * i, 300, 80) for i in range(12)]
    high = [face(430 - 30 * i, 200, 80) for i in range(12)]
    assert numbers(tracker(), *([a, b] for a, b in zip(low, high, strict=True))) == [[0, 1]] * 12


def test_the_order_of_the_faces_does_not_matter() -> None:
    """Tracks follow positions, not the detector's order."""
    left, right = face(100, 100, 60), face(400, 100, 60)
    assert numbers(tracker(), [left, right], [right, left]) == [[0, 1], [1, 0]]


def test_the_nearest_pair_is_assigned_first() -> None:
    """A new face near a track does not take it from a nearer face."""
    assert numbers(tracker(), [face(100, 100, 60)], [face(150, 100, 60), face(104, 100, 60)]) == [
        [0],
        [1, 0],
    ]


def test_of_two_tracks_in_reach_a_face_continues_the_nearer() -> None:
    """Of two people side by side one goes out of sight: the other keeps the own track."""
    one, beside = face(100, 100, 60), face(160, 100, 60)
    assert numbers(tracker(), [one, beside], [face(104, 100, 60)]) == [[0, 1], [0]]


def test_a_short_gap_is_bridged() -> None:
    """A face that is not detected for at most the gap stays in its track."""
    one = tracker(gap_max_s=1.0)
    assert numbers(one, [face(100, 100, 60)], [], [face(110, 100, 60)], every_s=0.5) == [
        [0],
        [],
        [0],
    ]


def test_a_longer_gap_ends_the_track() -> None:
    """After the gap the track is returned as ended, once; the same place is a new track."""
    one = tracker(gap_max_s=1.0)
    one.update((face(100, 100, 60),), 0.0)
    seen, ended = one.update((face(100, 100, 60),), 1.01)
    assert [track.track_id for track in seen] == [1]
    assert [track.track_id for track in ended] == [0]
    assert one.update((), 1.5) == ((), ())


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (face(189, 100, 60), True),
        (face(191, 100, 60), False),
        (face(100, 100, 60 * 4.4), True),
        (face(100, 100, 60 * 4.5), False),
    ],
)
def test_reach_limits_movement_and_growth(other: Face, is_same: bool) -> None:  # noqa: FBT001  # a table
    """A face beyond the reach, in movement or in growth, begins a new track."""
    found = numbers(tracker(reach=1.5), [face(100, 100, 60)], [other])
    assert found == [[0], [0 if is_same else 1]]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (face(100, 100, 60), face(161, 100, 60), "right"),
        (face(161, 100, 60), face(100, 100, 60), "left"),
        (face(100, 100, 60), face(120, 100, 80), "toward"),
        (face(100, 100, 40), face(400, 100, 60), "right"),
        (face(100, 100, 60), face(120, 100, 60), None),
        (face(100, 100, 80), face(100, 100, 40), None),
    ],
)
def test_the_direction_is_that_of_the_walk(start: Face, end: Face, expected: str | None) -> None:
    """Left and right cross the picture, toward is a growing face; otherwise None."""
    assert direction(Track(0, start, end, 1.0)) == expected
