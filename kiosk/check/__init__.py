"""The commands ``kiosk check`` and ``kiosk status``: what works, and what to do about the rest."""
