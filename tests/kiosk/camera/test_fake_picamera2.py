"""The fake Pi camera refuses what the hardware refuses."""

from collections.abc import Iterator

import pytest

from kiosk.camera.fake_picamera2 import FakePicamera2


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
