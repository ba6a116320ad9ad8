"""What adds a command, and what opens the database when it runs."""

import argparse
from collections.abc import Callable
from typing import Any, TypeAlias

AddAction: TypeAlias = Callable[..., argparse.ArgumentParser]
"""``add(actions, name, text, run)`` adds an action with the options that all have."""
Open: TypeAlias = Callable[[argparse.Namespace], Any]
"""Reads the configuration and connects the database."""
