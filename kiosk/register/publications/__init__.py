"""What the register tells the kiosks: rows that its processes write, and one thread sends."""
