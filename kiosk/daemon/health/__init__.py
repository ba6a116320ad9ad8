"""How well the kiosk works: what is measured, and where it is reported."""
