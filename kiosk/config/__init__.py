"""The configuration: files, keys, defaults, limits, and errors that name the key."""
