"""Have a face erased at the kiosks: orders to them, what they answer, and what is still open."""
