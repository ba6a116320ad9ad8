"""`kiosk register` without its marker, to compare with.

Usage: python -m tests.faults.register_without_marks --config FILE
"""

import sys
from unittest import mock

from kiosk.__main__ import main
from kiosk.register.database import prepare_django

if __name__ == "__main__":
    sys.argv[1:1] = ["register"]
    prepare_django()
    with mock.patch("kiosk.register.marking.worker.Marker.run"):
        sys.exit(main())
