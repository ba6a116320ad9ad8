"""The first command: sample people walk down a drawn corridor."""
