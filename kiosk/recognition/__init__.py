"""Recognition, from a frame to a decision. Knows neither the broker nor the register."""
