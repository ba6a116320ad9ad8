"""Attendance kiosk: a camera at the classroom door, attendance events on MQTT."""
