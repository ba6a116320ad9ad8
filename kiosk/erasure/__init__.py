"""Erase a person from a kiosk: every file, the running daemon, and a receipt."""
