"""A district of simulated kiosks before a real broker, register and pages: how soon, how much."""
