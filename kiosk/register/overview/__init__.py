"""What the register knows, for commands and pages: kiosks, classes, days."""
