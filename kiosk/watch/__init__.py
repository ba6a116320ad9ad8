"""The live attendance list in a terminal."""
