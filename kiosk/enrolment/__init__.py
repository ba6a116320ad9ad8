"""Enrolling people: one from photos or at the camera, or a class from a folder or a list."""
