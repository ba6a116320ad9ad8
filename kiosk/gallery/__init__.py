"""The commands on enrolled people: list, remove, renew, export, import."""
