"""The command ``kiosk gallery``: list, remove, renew, export and import enrolled people."""
