"""Prepare photos, train face recognisers and evaluate them (workstation)."""
