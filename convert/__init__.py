"""Convert a training run to a model bundle (workstation)."""
