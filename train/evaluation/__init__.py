"""Evaluate recognisers: verification, identification, demographic groups, peers."""
