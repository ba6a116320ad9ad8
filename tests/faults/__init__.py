"""Faults and loads, counted: each module is a command of its own (``python -m tests.faults.X``)."""
