"""Cameras: recordings of every kind, OpenCV's and picamera2's, and how each of them fails."""

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from kiosk.camera import Camera
from kiosk.camera_opencv import OpenCvCamera
from kiosk.camera_picamera2 import Picamera2Camera
from kiosk.capture import open_camera
from kiosk.clock import ManualClock
from kiosk.config import CameraSection
from kiosk.errors import CameraError
from kiosk.fake_picamera2 import FakePicamera2
from kiosk.records import Frame, Image

VIDEOS = Path(__file__).parents[2] / "shared" / "data" / "video"
needs_videos = pytest.mark.skipif(not VIDEOS.is_dir(), reason=f"{VIDEOS} is absent")


def card(shade: int, size: tuple[int, int] = (48, 64)) -> Image:
    """A picture that is recognisable after compression: blue above, ``shade`` of red below."""
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
def test_a_folder_is_shown_in_the_order_of_its_numbers(folder: Path, pace: str) -> None:
    """Pictures come in natural order at the configured rate; other files are left out."""
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


def test_grey_pictures_become_colour(tmp_path: Path) -> None:
    """A grey or transparent picture still gives three channels."""
    cv2.imwrite(str(tmp_path / "1.png"), np.full((8, 8), 77, np.uint8))
    cv2.imwrite(str(tmp_path / "2.png"), np.full((8, 8, 4), 77, np.uint8))
    frames = frames_of(replay(tmp_path, ManualClock()))
    assert [f.image.shape for f in frames] == [(8, 8, 3), (8, 8, 3)]


def test_the_recorded_pace_waits_for_each_frame(folder: Path) -> None:
    """At the recorded pace the clock has reached a frame's time when the frame comes."""
    clock = ManualClock(monotonic_s=9.0)
    with replay(folder, clock, fps=4.0, pace="recorded") as camera:
        for frame in camera:
            assert clock.monotonic_s() == pytest.approx(frame.at_s)
    assert clock.monotonic_s() == pytest.approx(10.0)


def test_the_recorded_pace_catches_up_after_a_slow_frame(folder: Path) -> None:
    """A frame that took long does not shift the frames after it."""
    clock = ManualClock(monotonic_s=0.0)
    with replay(folder, clock, fps=1.0, pace="recorded") as camera:
        next(camera)
        clock.advance(2.5)
        assert [next(camera).at_s, next(camera).at_s] == [1.0, 2.0]
        assert clock.monotonic_s() == 2.5
        assert next(camera).at_s == 3.0
        assert clock.monotonic_s() == 3.0


def test_the_fast_pace_never_waits(folder: Path) -> None:
    """At the fast pace time stands still, while frames carry their recorded times."""
    clock = ManualClock(monotonic_s=9.0)
    frames_of(replay(folder, clock, fps=4.0, pace="fast"))
    assert clock.monotonic_s() == 9.0


def test_a_video_keeps_its_own_times(tmp_path: Path) -> None:
    """A video's frames follow the file's rate, not the configured one."""
    video = write_video(tmp_path / "clip.avi", frames=6, fps=8.0)
    frames = frames_of(replay(video, ManualClock(monotonic_s=1.0), fps=30.0, pace="fast"))
    assert [f.at_s for f in frames] == pytest.approx([1 + i / 8 for i in range(6)], abs=0.002)
    assert [round(shade(f.image) / 20) for f in frames] == [0, 1, 2, 3, 4, 5]


def test_the_delays_of_a_gif_count(tmp_path: Path) -> None:
    """A GIF whose frames stand for different times is replayed with those times."""
    animation = cv2.Animation()
    animation.frames = [card(s) for s in (0, 100, 200)]
    animation.durations = [100, 400, 100]
    assert cv2.imwriteanimation(str(tmp_path / "clip.gif"), animation)
    frames = frames_of(replay(tmp_path / "clip.gif", ManualClock(monotonic_s=0.0), pace="fast"))
    assert [f.at_s for f in frames] == pytest.approx([0.0, 0.1, 0.5], abs=0.011)


class TimelessCapture:
    """A container that tells neither rate nor times."""

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


def test_a_video_without_times_takes_the_configured_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the container tells no times, frames are one over fps apart."""
    (tmp_path / "clip.avi").touch()
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: TimelessCapture())
    camera = replay(tmp_path / "clip.avi", ManualClock(monotonic_s=2.0), fps=4.0, pace="fast")
    assert [f.at_s for f in frames_of(camera)] == pytest.approx([2.0, 2.25, 2.5, 2.75])


@needs_videos
@pytest.mark.parametrize("name", ["one-by-one-person-detection.gif", "short_hamilton_clip.mp4"])
def test_real_recordings_replay_to_their_end(name: str) -> None:
    """A real GIF and a real MP4 give all their frames, at rising times."""
    frames = frames_of(replay(VIDEOS / name, ManualClock(), pace="fast"))
    assert len(frames) == {"one": 39, "sho": 275}[name[:3]]
    times = [f.at_s for f in frames]
    assert all(a < b for a, b in pairwise(times))
    assert times[-1] - times[0] == pytest.approx({"one": 3.8, "sho": 9.14}[name[:3]], abs=0.02)


def test_a_recording_ends_for_good(folder: Path) -> None:
    """After its last frame a recording stays over, and closing twice does no harm."""
    with replay(folder, ManualClock()) as camera:
        assert len(list(camera)) == 5
        assert list(camera) == []
    camera.__exit__(None, None, None)


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
        ("frames", "1.png"),
        ("no-frames.avi", "no-frames.avi"),
    ],
)
def test_a_recording_that_cannot_be_shown_is_named(kind: str, names: str, tmp_path: Path) -> None:
    """What is absent, empty or unreadable is a CameraError that names key and file."""
    source = broken_source(kind, tmp_path)
    with pytest.raises(CameraError, match=rf"camera\.source.*{names}"):
        frames_of(replay(source, ManualClock()))


# OpenCV


def opencv(source: str) -> Camera:
    return open_camera(CameraSection(backend="opencv", source=source), ManualClock())


@pytest.mark.parametrize("source", ["97", "/dev/video97"])
def test_a_usb_camera_that_is_absent_is_named(source: str) -> None:
    """A device that is not there is a CameraError that names it and says what to look at."""
    with pytest.raises(CameraError, match=rf"camera\.source: {source} cannot be opened.*plugged"):
        opencv(source)


def test_a_network_camera_that_is_absent_is_named_without_its_password() -> None:
    """The message about a URL gives the host, and neither user, password nor query."""
    with pytest.raises(CameraError) as caught:
        opencv("rtsp://admin:s3cr3t@127.0.0.1:9/live?password=s3cr3t")
    assert "rtsp://127.0.0.1:9 cannot be opened" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert "admin" not in str(caught.value)


@pytest.mark.parametrize("source", ["door.mp4", "", "-1", "http:/typo"])
def test_a_source_that_is_no_camera_is_refused(source: str) -> None:
    """The opencv backend does not silently play files; the message names the backend that does."""
    with pytest.raises(CameraError, match=r'camera\.source.*camera\.backend = "replay"'):
        opencv(source)


class UsbCamera(TimelessCapture):
    """A device that gives four frames and is then unplugged."""

    def __init__(self, *opened_with: object) -> None:
        super().__init__()
        self.opened_with = opened_with
        self.settings: dict[int, float] = {}
        self.released = False

    def set(self, key: int, value: float) -> bool:
        self.settings[key] = value
        return True

    def release(self) -> None:
        self.released = True


@pytest.fixture
def usb(monkeypatch: pytest.MonkeyPatch) -> list[UsbCamera]:
    opened: list[UsbCamera] = []

    def capture(*arguments: object) -> UsbCamera:
        opened.append(UsbCamera(*arguments))
        return opened[-1]

    monkeypatch.setattr(cv2, "VideoCapture", capture)
    return opened


@pytest.mark.parametrize(
    ("source", "opened_with"),
    [("0", (0, cv2.CAP_V4L2)), ("/dev/video2", ("/dev/video2", cv2.CAP_V4L2))],
)
def test_a_usb_camera_is_asked_for_size_rate_and_a_short_queue(
    source: str, opened_with: tuple[object, ...], usb: list[UsbCamera]
) -> None:
    """The device is opened by V4L2 alone and gets the configured wishes and a queue of one."""
    section = CameraSection(source=source, width_px=800, height_px=600, fps=20.0)
    with OpenCvCamera(section, ManualClock()):
        pass
    assert usb[0].opened_with == opened_with
    assert usb[0].settings == {
        cv2.CAP_PROP_FRAME_WIDTH: 800,
        cv2.CAP_PROP_FRAME_HEIGHT: 600,
        cv2.CAP_PROP_FPS: 20.0,
        cv2.CAP_PROP_BUFFERSIZE: 1,
    }
    assert usb[0].released


def test_a_network_camera_has_time_limits(usb: list[UsbCamera]) -> None:
    """A URL is opened by FFmpeg with limits for opening and reading: a dead link never hangs."""
    opencv("rtsp://door/live")
    source, backend, parameters = usb[0].opened_with
    assert (source, backend) == ("rtsp://door/live", cv2.CAP_FFMPEG)
    assert isinstance(parameters, list)
    limits = dict(zip(parameters[::2], parameters[1::2], strict=True))
    assert limits.keys() == {cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC}
    assert all(0 < limit <= 10_000 for limit in limits.values())


def test_a_usb_camera_that_vanishes_is_an_error_and_not_an_end(usb: list[UsbCamera]) -> None:
    """Frames carry the time they came; a read that fails is a CameraError naming the source."""
    clock = ManualClock(monotonic_s=3.0)
    with OpenCvCamera(CameraSection(source="0"), clock) as camera:
        frames = []
        for _ in range(4):
            frames.append(next(camera))
            clock.advance(0.5)
        with pytest.raises(CameraError, match=r"camera\.source: 0 stopped giving frames"):
            next(camera)
    assert [(f.index, f.at_s) for f in frames] == [(0, 3.0), (1, 3.5), (2, 4.0), (3, 4.5)]
    assert usb[0].released


# picamera2, by its fake


FAKE = CameraSection(backend="fake-picamera2", fps=1000.0, width_px=320, height_px=240)


@pytest.fixture(autouse=True)
def free_camera() -> Iterator[None]:
    yield
    assert not FakePicamera2._in_use, "a test left the fake camera open"


def test_the_pi_camera_gives_frames_in_opencvs_order() -> None:
    """Frames have the configured size, are writable BGR, and carry the time they came."""
    with open_camera(FAKE, ManualClock(monotonic_s=8.0)) as camera:
        frames = [next(camera) for _ in range(3)]
    assert [f.index for f in frames] == [0, 1, 2]
    assert frames[0].image.shape == (240, 320, 3)
    assert frames[0].image[0, 100].tolist() == [160, 80, 40]
    assert not np.array_equal(frames[0].image, frames[1].image)
    assert frames[0].at_s == 8.0


def test_a_loose_ribbon_is_an_error_and_the_camera_can_be_opened_again() -> None:
    """A capture that times out is a CameraError, is cancelled, and closing then works."""
    opened: list[FakePicamera2] = []

    def library(camera_num: int) -> FakePicamera2:
        opened.append(FakePicamera2(camera_num))
        return opened[-1]

    with Picamera2Camera(FAKE, ManualClock(), library) as camera:
        next(camera)
        opened[0].unplug()
        with pytest.raises(CameraError, match="stopped giving frames; check its ribbon"):
            next(camera)
    with open_camera(FAKE, ManualClock()) as again:
        assert next(again).index == 0


def test_a_camera_in_use_is_refused() -> None:
    """A second opening is a CameraError that names the camera, and leaves the first at work."""
    with open_camera(FAKE, ManualClock()) as first:
        with pytest.raises(CameraError, match="fake-picamera2 camera 0 cannot be opened"):
            open_camera(FAKE, ManualClock())
        assert next(first).index == 0


@pytest.mark.parametrize(
    ("source", "says"),
    [("1", r"list index out of range.*rpicam-hello"), ("/dev/video0", "expected the number")],
)
def test_a_camera_that_is_not_there_is_named(source: str, says: str) -> None:
    """Another number, or something else than a number, is a CameraError."""
    section = CameraSection(backend="fake-picamera2", source=source)
    with pytest.raises(CameraError, match=says):
        open_camera(section, ManualClock())


class PickyPicamera2(FakePicamera2):
    """A camera that has no frame rate of the kind asked for."""

    def start(self) -> None:
        raise RuntimeError("no sensor mode fits")


def test_settings_that_the_camera_refuses_are_named_and_the_camera_is_let_go() -> None:
    """A refusal while starting names size, rate and keys, and leaves nothing open."""
    with pytest.raises(CameraError, match=r"refuses 320x240 at 1000.0 fps .*camera\.width_px"):
        Picamera2Camera(FAKE, ManualClock(), PickyPicamera2)


def test_an_odd_size_is_rounded_as_the_library_does() -> None:
    """The frame has the even size that the camera took, not the odd one that was asked for."""
    section = CameraSection(backend="fake-picamera2", fps=1000.0, width_px=321, height_px=241)
    with open_camera(section, ManualClock()) as camera:
        assert next(camera).image.shape == (240, 320, 3)


@pytest.mark.parametrize(
    "failure",
    [
        ModuleNotFoundError("No module named 'picamera2'"),
        ValueError("numpy.dtype size changed, may indicate binary incompatibility"),
    ],
)
def test_without_picamera2_the_message_tells_how_to_get_it(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that is absent, or built for another numpy, is a CameraError with the remedy."""

    class Finder:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "picamera2":
                raise failure

    monkeypatch.delitem(sys.modules, "picamera2", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(CameraError, match=r"apt install python3-picamera2.*system-site-packages"):
        open_camera(CameraSection(backend="picamera2"), ManualClock())


def test_the_picamera2_backend_opens_the_librarys_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backend "picamera2" takes Picamera2 from the module of that name and nothing else."""
    module = ModuleType("picamera2")
    module.Picamera2 = FakePicamera2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    section = CameraSection(backend="picamera2", fps=1000.0)
    with open_camera(section, ManualClock()) as camera:
        assert next(camera).image.shape == (480, 640, 3)


# The fake refuses what the hardware refuses


@pytest.fixture
def fake() -> Iterator[FakePicamera2]:
    device = FakePicamera2()
    yield device
    device.cancel_all_and_flush()
    device.close()


def video(fake: FakePicamera2, pixels: str = "RGB888", fps: int = 1000) -> dict[str, object]:
    return fake.create_video_configuration(
        main={"format": pixels, "size": (64, 48)},
        controls={"FrameDurationLimits": (1_000_000 // fps,) * 2},
    )


def test_the_fake_refuses_to_start_unconfigured(fake: FakePicamera2) -> None:
    """Starting needs a configuration."""
    with pytest.raises(RuntimeError, match="not been configured"):
        fake.start()


def test_the_fake_refuses_to_capture_unstarted(fake: FakePicamera2) -> None:
    """No frame comes before the start: with a limit it times out, without one it never returns."""
    fake.configure(video(fake))
    with pytest.raises(TimeoutError):
        fake.capture_array("main", wait=0.1)
    with pytest.raises(RuntimeError, match="ever"):
        fake.capture_array("main")


def test_the_fake_refuses_a_configuration_while_it_captures(fake: FakePicamera2) -> None:
    """The camera must be stopped before it is configured; starting twice is no error."""
    fake.configure(video(fake))
    fake.start()
    fake.start()
    with pytest.raises(RuntimeError, match="must be stopped"):
        fake.configure(video(fake))


def test_the_fake_refuses_a_format_that_libcamera_lacks(fake: FakePicamera2) -> None:
    """An unknown pixel format is refused; a known one that the fake cannot draw says so."""
    with pytest.raises(RuntimeError, match="Bad format BGR24"):
        fake.configure(video(fake, "BGR24"))
    fake.configure(video(fake, "YUV420"))
    fake.start()
    with pytest.raises(NotImplementedError):
        fake.capture_array("main", wait=1.0)


def test_the_fake_refuses_odd_sizes(fake: FakePicamera2) -> None:
    """A configuration with an odd width is refused, as picamera2 does."""
    configuration = video(fake)
    configuration["main"] = {"format": "RGB888", "size": (63, 48)}
    with pytest.raises(RuntimeError, match="should be even"):
        fake.configure(configuration)


def test_the_fake_cannot_be_closed_behind_a_capture_that_hangs(fake: FakePicamera2) -> None:
    """After a time-out, closing needs cancel_all_and_flush first."""
    fake.configure(video(fake))
    fake.start()
    fake.unplug()
    with pytest.raises(TimeoutError):
        fake.capture_array("main", wait=0.1)
    with pytest.raises(RuntimeError, match="waits for ever"):
        fake.close()
