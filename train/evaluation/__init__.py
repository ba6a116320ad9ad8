"""Measure recognisers: verification, identification, groups, peers."""
