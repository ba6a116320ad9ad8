"""The commands of ``kiosk register``, one file each; they need the extra "register"."""
