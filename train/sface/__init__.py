"""SFace: its weights, the network of them, and a form with few slopes for int8 kernels."""
