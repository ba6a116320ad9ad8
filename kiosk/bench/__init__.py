"""The benchmark `kiosk bench`: speed, memory and start-up on this machine."""
