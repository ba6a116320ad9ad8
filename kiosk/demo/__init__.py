"""The demonstration `kiosk demo`: sample people walk down a drawn corridor."""
