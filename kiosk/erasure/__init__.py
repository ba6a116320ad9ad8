"""Erase a person from a kiosk: from every file and the running service, with a receipt."""
