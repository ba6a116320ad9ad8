"""SFace as published, with a blank short front, and crops to compare networks on."""

from tests.sface import crops, network, short, weights

__all__ = ["crops", "network", "short", "weights"]
