"""Attendance kiosk: a camera at the classroom door, attendance events on MQTT."""

import os
from typing import Final

PIXELS_MAX: Final = 100_000_000
"""Twice a good phone's photo; decoded, that is 300 MB. A small file may claim far more."""
# OpenCV reads its limits once, when it is first imported.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(PIXELS_MAX))
# Seconds that a USB camera may give nothing (10 by default); SIGTERM waits as long.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")
