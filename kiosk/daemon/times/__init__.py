"""The kiosk's own time, and the right time of earlier events, on a board without a clock."""
