"""Lights, buzzer and button at the door."""
