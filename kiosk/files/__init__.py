"""Files that survive a power cut, a hostile content, another process and a stolen disk."""
