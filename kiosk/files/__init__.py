"""Files that survive power cuts, hostile content, other processes and theft."""
