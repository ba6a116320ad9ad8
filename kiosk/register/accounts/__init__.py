"""Accounts: who may sign in, made by an administrator or by ``kiosk register account``."""
