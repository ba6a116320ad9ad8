"""Cameras: where frames come from. A new kind of camera is one file and its line in ``open``."""
