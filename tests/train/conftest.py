"""SFace as published, in int8, with a blank short front, and crops to compare on."""

from tests.sface import crops, int8_sface, network, short, weights

__all__ = ["crops", "int8_sface", "network", "short", "weights"]
