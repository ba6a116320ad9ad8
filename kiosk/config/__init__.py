"""The configuration: files, keys, defaults, limits, and what is said about a wrong one."""
