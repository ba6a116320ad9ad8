"""Erase a person, or what is old, from the register, and order kiosks to erase a face."""
