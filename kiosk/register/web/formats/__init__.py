"""How dates and times are written, by language; Django reads the names."""
