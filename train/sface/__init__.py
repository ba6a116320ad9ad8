"""SFace: its weights, the network of them, and a form with a short front, which is faster."""
