"""Turn a training run into a model bundle (workstation)."""
