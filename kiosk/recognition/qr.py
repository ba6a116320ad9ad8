"""Read QR codes in frames."""

import cv2

from kiosk.records import Image


class QrReader:
    """Finds and reads QR codes.

    OpenCV's detector of the ArUco kind reads a code of 37 modules from about 2.5 pixels a module;
    the older ``QRCodeDetector`` needs twice as many.
    """

    def __init__(self) -> None:
        self._detector = cv2.QRCodeDetectorAruco()

    def read(self, image: Image) -> tuple[str, ...]:
        """Return the texts of all codes in an image.

        Args:
            image: ``(height, width, 3)`` uint8 BGR.
        """
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        try:
            _is_found, texts, _points, _codes = self._detector.detectAndDecodeMulti(grey)
        # OpenCV fails on some shapes that are no code, and on a code that is not UTF-8.
        except (cv2.error, UnicodeDecodeError, SystemError):
            return ()
        return tuple(text for text in texts if text)
