"""The process on the Pi: the frame loop, its composition root, signals and systemd."""
