"""The fake Pi camera rejects what the hardware rejects."""

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


def test_starting_without_a_configuration_is_rejected(fake: FakePicamera2) -> None:
    """Starting needs a configuration."""
    with pytest.raises(RuntimeError, match="not been configured"):
        fake.start()


def test_capturing_before_the_start_is_rejected(fake: FakePicamera2) -> None:
    """No frame comes before the start: with a limit it times out, without one it raises."""
    fake.configure(video(fake))
    with pytest.raises(TimeoutError):
        fake.capture_array("main", wait=0.1)
    with pytest.raises(RuntimeError, match="ever"):
        fake.capture_array("main")


def test_a_configuration_during_capture_is_rejected(fake: FakePicamera2) -> None:
    """The camera must be stopped before it is configured; starting twice is no error."""
    fake.configure(video(fake))
    fake.start()
    fake.start()
    with pytest.raises(RuntimeError, match="must be stopped"):
        fake.configure(video(fake))


def test_an_unknown_pixel_format_is_rejected(fake: FakePicamera2) -> None:
    """A format that libcamera lacks is rejected; one that the fake cannot draw says so."""
    with pytest.raises(RuntimeError, match="Bad format BGR24"):
        fake.configure(video(fake, "BGR24"))
    fake.configure(video(fake, "YUV420"))
    fake.start()
    with pytest.raises(NotImplementedError):
        fake.capture_array("main", wait=1.0)


def test_an_odd_size_is_rejected(fake: FakePicamera2) -> None:
    """A configuration with an odd width is rejected, as by picamera2."""
    configuration = video(fake)
    configuration["main"] = {"format": "RGB888", "size": (63, 48)}
    with pytest.raises(RuntimeError, match="should be even"):
        fake.configure(configuration)


def test_closing_needs_the_hung_capture_cancelled(fake: FakePicamera2) -> None:
    """After a time-out, closing needs cancel_all_and_flush first."""
    fake.configure(video(fake))
    fake.start()
    fake.unplug()
    with pytest.raises(TimeoutError):
        fake.capture_array("main", wait=0.1)
    with pytest.raises(RuntimeError, match="waits for ever"):
        fake.close()
