"""Prepare photos, train and evaluate face recognisers (workstation)."""
