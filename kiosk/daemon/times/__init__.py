"""What time it is, and what time it was, on a board without a clock."""
