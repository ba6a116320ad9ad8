"""Faults and loads, counted: ``python -m tests.faults``; other modules are commands, too."""
