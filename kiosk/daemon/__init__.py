"""The process on the board: the frame loop, its composition root, signals and systemd."""
