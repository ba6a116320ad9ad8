"""Messages of the kiosks: what arrives from the broker, and what it turns out to be."""
