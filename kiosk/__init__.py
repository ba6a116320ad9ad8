"""Attendance kiosk: a camera at the classroom door, attendance events on MQTT."""

import os
from typing import Final

PIXELS_MAX: Final = 100_000_000
"""Largest picture to decode: twice a phone's photo, 300 MB decoded. A small file can claim more."""
# OpenCV reads its limits once, when it is first imported.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(PIXELS_MAX))
# Seconds to wait for a frame of a USB camera (10 by default); SIGTERM waits as long.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")
