"""SFace as published, the same with few slopes, and crops to compare networks on."""

from tests.sface import crops, network, shared, weights

__all__ = ["crops", "network", "shared", "weights"]
